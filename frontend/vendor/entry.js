// What the 3D view takes from elsewhere. `npm ci && npm run build` puts it into one file.

export {
  BackSide,
  BufferAttribute,
  BufferGeometry,
  DataTexture,
  DoubleSide,
  GLSL3,
  LinearFilter,
  Mesh,
  NearestFilter,
  OrthographicCamera,
  PerspectiveCamera,
  Quaternion,
  RedFormat,
  RGBAFormat,
  Scene,
  ShaderMaterial,
  Spherical,
  Vector2,
  Vector3,
  Vector4,
  WebGLRenderer,
  WebGLRenderTarget,
} from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
export { LineMaterial } from "three/addons/lines/LineMaterial.js";
export { LineSegments2 } from "three/addons/lines/LineSegments2.js";
export { LineSegmentsGeometry } from "three/addons/lines/LineSegmentsGeometry.js";
export { applyPalette, GIFEncoder, quantize } from "gifenc";
export { ArrayBufferTarget, Muxer } from "mp4-muxer";
