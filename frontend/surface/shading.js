// How surfaces are lit and cut, how they are told apart by a click, and how a slice is drawn.
// The look of an object is one pixel of a small texture: changing a colour touches no mesh.

import { DataTexture, DoubleSide, GLSL3, RGBAFormat, ShaderMaterial, Vector3, Vector4 } from "../vendor/libraries.js";
import { UNKNOWN } from "./colours.js";
import { BEHIND, BEYOND, LEVEL, WITHIN } from "./distances.js";

const ACROSS = 1024; // objects per row of the texture

/** Codes in the fourth channel of a look. */
export const HIDDEN = 0, FADED = 80, PLAIN = 160, CHOSEN = 255;

/** The looks of all objects: `set(row, [r, g, b], code)`, then `send()`. */
export class Looks {
  constructor(count) {
    const rows = Math.max(1, Math.ceil(count / ACROSS));
    this.bytes = new Uint8Array(4 * ACROSS * rows);
    this.texture = new DataTexture(this.bytes, ACROSS, rows, RGBAFormat);
    this.send();
  }

  set(row, [r, g, b], code) {
    this.bytes.set([r, g, b, code], 4 * row);
  }

  send() {
    this.texture.needsUpdate = true;
  }
}

/** What all materials share: the looks, the cut, the colour that distance fades into. */
export function sharedUniforms(looks) {
  return {
    looks: { value: looks.texture },
    cut: { value: new Vector4(0, 0, 0, 1) }, // points with xyz · p > w are cut away
    parallel: { value: true },
    haze: { value: new Vector3(1, 1, 1) },
    hazeShare: { value: 0 },
    hazeFrom: { value: 0 },
    hazeTo: { value: 1 },
    deviation: { value: 0 }, // 0 the look's colour, 1 signed distances, 2 beyond a tolerance
    reach: { value: 1 }, // where the scale ends, or the tolerance
  };
}

const VERTEX = `
in float place, away;
uniform sampler2D looks;
flat out vec4 look;
flat out float row;
out vec3 facing, inView, inWorld;
out float distant;

void main() {
  distant = away;
  int i = int(place + 0.5);
  look = texelFetch(looks, ivec2(i % ${ACROSS}, i / ${ACROSS}), 0);
  row = place;
  inWorld = position;
  vec4 seen = modelViewMatrix * vec4(position, 1.0);
  inView = seen.xyz;
  facing = normalMatrix * normal;
  gl_Position = look.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : projectionMatrix * seen;
}`;

const CUT = `
uniform vec4 cut;
flat in vec4 look;
flat in float row;
in vec3 facing, inView, inWorld;
in float distant;
out vec4 colour;
bool cutAway() { return dot(cut.xyz, inWorld) > cut.w; }`;

const rgb = (/** @type {number[]} */ code) => `vec3(${code.join(", ")}) / 255.0`;

const LIT = `
uniform int deviation;
uniform float reach;
uniform bool parallel;
uniform vec3 haze;
uniform float hazeShare, hazeFrom, hazeTo;

vec3 deviationColour() {
  if (distant > 1e20) return ${rgb(UNKNOWN)};
  float share = distant / reach;
  if (deviation == 2) return share > 1.0 ? ${rgb(BEYOND)} : share < -1.0 ? ${rgb(BEHIND)} : ${rgb(WITHIN)};
  return mix(${rgb(LEVEL)}, share < 0.0 ? ${rgb(BEHIND)} : ${rgb(BEYOND)}, min(1.0, abs(share)));
}

void main() {
  if (cutAway()) discard;
  bool chosen = look.a > 0.9;
  vec3 base = deviation > 0 ? deviationColour() : look.rgb;
  if (look.a < 0.5) base = mix(vec3(dot(base, vec3(0.3, 0.59, 0.11))), base, 0.35) * 0.5 + haze * 0.38;
  vec3 lit;
  if (gl_FrontFacing) {
    vec3 n = normalize(facing);
    vec3 eye = parallel ? vec3(0.0, 0.0, 1.0) : normalize(-inView);
    vec3 lamp = normalize(vec3(-0.42, 0.52, 0.75));
    float seen = max(dot(n, eye), 0.0);
    float key = max(dot(n, lamp) + 0.18, 0.0) / 1.18;
    float sky = 0.5 + 0.5 * n.y;
    lit = base * (0.30 + 0.16 * sky + 0.62 * key);
    lit *= mix(0.52, 1.0, smoothstep(0.0, 0.6, seen));
    lit += 0.16 * pow(max(dot(n, normalize(lamp + eye)), 0.0), 36.0);
    if (chosen) lit = mix(lit, vec3(1.0, 0.93, 0.6), 0.85 * pow(1.0 - seen, 2.2));
  } else {
    // Surfaces are closed: the inside is seen through a cut alone. Flat, it looks filled.
    lit = mix(base, vec3(1.0), 0.32);
  }
  float far = clamp((-inView.z - hazeFrom) / (hazeTo - hazeFrom), 0.0, 1.0);
  colour = vec4(mix(lit, haze, hazeShare * far), 1.0);
}`;

const IDENTIFIED = `
void main() {
  if (cutAway()) discard;
  int n = int(row + 0.5) + 1;
  colour = vec4(ivec4(n & 255, (n >> 8) & 255, (n >> 16) & 255, 255)) / 255.0;
}`;

const SLICE_VERTEX = `
out vec2 at;
void main() {
  at = uv;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

const SLICE = `
uniform sampler2D picture;
uniform float opacity;
in vec2 at;
out vec4 colour;
void main() { colour = vec4(vec3(texture(picture, at).r), opacity); }`;

const SLICE_IDENTIFIED = `
in vec2 at;
out vec4 colour;
void main() { colour = vec4(0.0, 0.0, 0.0, 1.0); }`;

function material(vertexShader, fragmentShader, uniforms) {
  return new ShaderMaterial({ glslVersion: GLSL3, side: DoubleSide, vertexShader, fragmentShader, uniforms });
}

export const litMaterial = (uniforms) => material(VERTEX, CUT + LIT, uniforms);
export const idMaterial = (uniforms) => material(VERTEX, CUT + IDENTIFIED, uniforms);
export const sliceMaterial = (picture, opacity) => {
  const made = material(SLICE_VERTEX, SLICE, { picture: { value: picture }, opacity: { value: opacity } });
  return Object.assign(made, { transparent: opacity < 1 });
};
export const sliceIdMaterial = () => material(SLICE_VERTEX, SLICE_IDENTIFIED, {});
