// How a plane is coloured, and the numbers that this takes. Knows nothing of the page.

import { codeOf, thresholdCode } from "./codes.js";

/** @type {Record<string, number>} */
const STYLES = { fill: 1, outline: 2, score: 3 };

/** What the shader is told besides the textures.
 *  @param {{black: number, white: number, invert: boolean, overlay: boolean, threshold: number, low: number | null,
 *    opacity: number, style: string}} state
 *  @param {import("./codes.js").Coding} coding */
export function looks(state, coding) {
  const [black, white] = [codeOf(state.black, coding), codeOf(state.white, coding)];
  return {
    black,
    gain: 1 / Math.max(1e-6, white - black),
    invert: state.invert ? 1 : 0,
    invalid: coding.has_invalid ? 1 : 0,
    lowest: thresholdCode(state.threshold),
    faintest: thresholdCode(state.low ?? state.threshold),
    opacity: state.opacity / 100,
    style: state.overlay ? STYLES[state.style] : 0,
  };
}

/** What lies between the two thresholds: the hue of the result, lighter. */
export const FAINT_RGB = [255, 214, 170];

/** @type {Record<string, number>} */
const COMPARISONS = { difference: 1, swipe: 2, side: 2 };

/** What A marks alone, B alone, and both: told apart by eyes that see no red or no green too. */
export const DIFFERENCE_RGB = { a: [242, 120, 40], b: [86, 150, 255], both: [46, 178, 130] };

/** What the shader is told of a comparison, besides the textures.
 *  @param {{mode: string, threshold: number} | null} chosen
 *  @param {number} share of the width, left of which A is shown
 *  @param {number} width of the plane in pixels
 *  @returns {Record<string, number>} */
export function comparisonLooks(chosen, share, width) {
  if (!chosen) return { compare: 0 };
  return { compare: COMPARISONS[chosen.mode], otherLowest: thresholdCode(chosen.threshold), swipe: share * width };
}

const LABEL_STYLES = { fill: 1, outline: 2 };

/** What the shader is told of an annotation.
 *  @param {import("./editing/state.js").Holding} holding */
export function labelLooks({ labels, style, opacity, object }) {
  return { labelStyle: labels ? LABEL_STYLES[style] : 0, labelOpacity: opacity / 100, chosen: object ?? 0 };
}

export const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1);
}`;

const rgb = (/** @type {number[]} */ colour) => `vec3(${colour.join(", ")}) / 255.0`;

/**
 * @typedef {object} Uses what a picture needs of the shader
 * @property {0 | 1 | 2} sampling 0 voxels as they are, 1 smooth, 2 averaged
 * @property {number} style of the result: 0 none, 1 area, 2 contour, 3 score
 * @property {boolean} faint whether there is a second threshold
 * @property {boolean} compared whether the result is compared with another
 * @property {number} labelStyle of the objects: 0 none, 1 area, 2 contour
 * @property {boolean} chosen whether one of them is pointed out
 */

/** What a picture of these numbers needs: what it does not is not compiled, as each pixel would pay for it.
 *  @param {Record<string, any>} numbers of the shader
 *  @returns {Uses} */
export function usesOf({ scale, factor, style, faintest, lowest, compare, labelStyle, chosen }) {
  const least = Math.min(...scale) * factor;
  return {
    sampling: least >= 3 ? 0 : least >= 1 ? 1 : 2,
    style,
    faint: style > 0 && style < 3 && faintest < lowest,
    compared: style > 0 && compare > 0,
    labelStyle,
    chosen: labelStyle > 0 && chosen > 0,
  };
}

/** The shader of the pixels.
 *  @param {Uses} uses */
export const fragment = (uses) => `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D greyTexture, scoreTexture, otherTexture, labelTexture;
uniform sampler2D paletteTexture;
uniform vec2 size, centre, scale, extent, scoreFirst, scoreEnd, otherFirst, otherEnd, labelFirst, labelEnd;
uniform float ratio, factor, scoreFactor, otherFactor, labelFactor, black, gain, invert, invalid;
uniform float lowest, faintest, otherLowest, unjudged, otherUnjudged, swipe, opacity, labelOpacity; // unjudged: a code, -1 for none
uniform int chosen, compare; // compare: 0 nothing, 1 A and B in false colour, 2 A left and B right of the line
uniform int scored, otherScored; // of A and B: 0 there is no result, 1 it is here, 2 nothing was scored here
out vec4 colour;
const int SAMPLING = ${uses.sampling};
const int STYLE = ${uses.style}, LABEL_STYLE = ${uses.labelStyle};
const bool FAINT = ${uses.faint}, COMPARED = ${uses.compared}, CHOSEN = ${uses.chosen};

float greyTexel(ivec2 at) {
  ivec2 last = textureSize(greyTexture, 0) - 1;
  float code = float(texelFetch(greyTexture, clamp(at, ivec2(0), last), 0).r);
  return invalid > 0.5 && code < 0.5 ? -1e9 : (code - black) * gain;
}

// Voxels as they are where they are large, smooth where they are about a pixel, averaged where smaller.
float grey(vec2 at) {
  vec2 texel = at / factor, pixels = scale * factor;
  if (SAMPLING == 0) return greyTexel(ivec2(floor(texel)));
  if (SAMPLING == 1) {
    vec2 low = floor(texel - 0.5), share = texel - 0.5 - low;
    ivec2 a = ivec2(low);
    return mix(
      mix(greyTexel(a), greyTexel(a + ivec2(1, 0)), share.x),
      mix(greyTexel(a + ivec2(0, 1)), greyTexel(a + ivec2(1, 1)), share.x), share.y);
  }
  ivec2 taps = ivec2(clamp(ceil(1.0 / pixels), 1.0, 4.0));
  float total = 0.0;
  for (int y = 0; y < taps.y; y++)
    for (int x = 0; x < taps.x; x++) {
      vec2 shift = (vec2(x, y) + 0.5) / vec2(taps) - 0.5;
      total += greyTexel(ivec2(floor(texel + shift / pixels)));
    }
  return total / float(taps.x * taps.y);
}

float codeAt(usampler2D codes, vec2 texel) {
  return float(texelFetch(codes, clamp(ivec2(texel), ivec2(0), textureSize(codes, 0) - 1), 0).r);
}

float scoreAt(vec2 at, bool other) {
  if (other) return codeAt(otherTexture, (at - otherFirst) / otherFactor);
  return codeAt(scoreTexture, (at - scoreFirst) / scoreFactor);
}

// Whether it is known what is there: scored, or judged.
bool isScored(vec2 at, bool other) {
  if ((other ? otherScored : scored) != 1) return false;
  vec2 first = other ? otherFirst : scoreFirst, end = other ? otherEnd : scoreEnd;
  if (any(lessThan(at, first)) || any(greaterThanEqual(at, end))) return false;
  return scoreAt(at, other) != (other ? otherUnjudged : unjudged);
}

bool reaches(vec2 at, bool other, float least) {
  return isScored(at, other) && scoreAt(at, other) >= least;
}

bool onEdge(vec2 at, bool other, float least) {
  vec2 step = 1.4 * ratio / scale;
  return !(reaches(at + vec2(step.x, 0), other, least) && reaches(at - vec2(step.x, 0), other, least)
    && reaches(at + vec2(0, step.y), other, least) && reaches(at - vec2(0, step.y), other, least));
}

// Whether what reaches a code is drawn, where it is known: as an area, or as a contour.
bool drawnFrom(vec2 at, bool other, float least) {
  return scoreAt(at, other) >= least && (STYLE != 2 || onEdge(at, other, least));
}

bool drawn(vec2 at, bool other) { return drawnFrom(at, other, other ? otherLowest : lowest); }

vec3 scoreColour(float score) {
  vec3 end = score < 0.0 ? vec3(33, 102, 172) : vec3(178, 24, 43);
  return mix(vec3(247), end, abs(score)) / 255.0;
}

vec3 withResult(vec3 seen, vec2 at, bool other) {
  if (STYLE == 3) return mix(seen, scoreColour(scoreAt(at, other) * 2.0 / 255.0 - 1.0), opacity);
  if (drawn(at, other)) return mix(seen, vec3(1, 0.478, 0.102), opacity);
  // What reaches the second threshold alone: it may or may not touch, anywhere in 3D, what reaches the first.
  bool faint = FAINT && !other && drawnFrom(at, other, faintest);
  return faint ? mix(seen, ${rgb(FAINT_RGB)}, opacity) : seen;
}

vec3 withDifference(vec3 seen, vec2 at) {
  bool a = drawn(at, false), b = drawn(at, true);
  if (!a && !b) return seen;
  vec3 paint = a && b ? ${rgb(DIFFERENCE_RGB.both)} : a ? ${rgb(DIFFERENCE_RGB.a)} : ${rgb(DIFFERENCE_RGB.b)};
  return mix(seen, paint, opacity);
}

vec3 hatched(vec3 seen, vec2 pixel) {
  float stripe = mod(pixel.x + pixel.y, 24.0 * ratio);
  // A light and a dark line, so that one of them stands out from any grey.
  seen *= 0.75;
  if (stripe < 1.5 * ratio) return mix(seen, vec3(0.62, 0.86, 0.92), 0.5);
  return stripe < 3.0 * ratio ? mix(seen, vec3(0.05, 0.2, 0.25), 0.6) : seen;
}

uint idAt(vec2 at) {
  if (any(lessThan(at, labelFirst)) || any(greaterThanEqual(at, labelEnd))) return 0u;
  ivec2 last = textureSize(labelTexture, 0) - 1;
  return texelFetch(labelTexture, clamp(ivec2((at - labelFirst) / labelFactor), ivec2(0), last), 0).r;
}

// Where an object ends: at least a voxel, and at least some pixels wide.
bool atBorder(vec2 at, uint id) {
  vec2 step = 1.6 * ratio / scale;
  return idAt(at + vec2(step.x, 0)) != id || idAt(at - vec2(step.x, 0)) != id
    || idAt(at + vec2(0, step.y)) != id || idAt(at - vec2(0, step.y)) != id;
}

vec3 withObject(vec3 seen, vec2 at, vec2 pixel) {
  uint id = idAt(at);
  if (id == 0u) return seen;
  vec4 paint = texelFetch(paletteTexture, ivec2(int(id & 255u), int(id >> 8)), 0);
  if (paint.a < 0.25) return seen;
  bool isChosen = CHOSEN && int(id) == chosen, border = (isChosen || LABEL_STYLE == 2) && atBorder(at, id);
  if (border) return isChosen ? vec3(1) : mix(seen, paint.rgb, max(labelOpacity, 0.75));
  if (LABEL_STYLE == 2) return seen;
  bool gap = paint.a < 0.75 && mod(pixel.x - pixel.y, 10.0 * ratio) > 3.0 * ratio; // not judged
  return gap ? seen : mix(seen, paint.rgb, labelOpacity);
}

void main() {
  vec2 pixel = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y);
  vec2 at = centre + (pixel - size / 2.0) / scale;
  if (any(lessThan(at, vec2(0))) || any(greaterThanEqual(at, extent))) {
    colour = vec4(0.039, 0.059, 0.067, 1);
    return;
  }
  float level = grey(at);
  bool nothing = level < -1e6;
  level = clamp(level, 0.0, 1.0);
  vec3 seen = nothing ? vec3(0.09, 0.13, 0.16) : vec3(invert > 0.5 ? 1.0 - level : level);
  if (STYLE > 0) {
    bool other = COMPARED && compare == 2 && pixel.x >= swipe, both = COMPARED && compare == 1 && otherScored > 0;
    if (isScored(at, other) && (!both || isScored(at, true)))
      seen = both ? withDifference(seen, at) : withResult(seen, at, other);
    else if ((other ? otherScored : scored) > 0) seen = hatched(seen, pixel);
  }
  if (LABEL_STYLE > 0) seen = withObject(seen, at, pixel);
  colour = vec4(seen, 1);
}`;
