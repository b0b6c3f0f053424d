// A parallel and a perspective camera that look at the same thing, and the hand that moves them.

import { OrbitControls, OrthographicCamera, PerspectiveCamera, Vector3 } from "../vendor/libraries.js";

const FIELD_DEG = 30;
const ROOM = [1.34, 1.22]; // across and up, around what is fitted, for the labels
// As a slice is seen on the screen, x to the right and y down, a little from the side.
const FIRST_SIDE = [-0.45, -0.6, -1];

export class Cameras {
  constructor(element, bounds, onMoved) {
    this.bounds = bounds;
    this.centre = middle(bounds);
    this.radius = extent(bounds) / 2 || 1;
    this.aspect = 1;
    this.orthographic = new OrthographicCamera(-1, 1, 1, -1);
    this.perspective = new PerspectiveCamera(FIELD_DEG);
    for (const camera of [this.orthographic, this.perspective]) camera.up.set(0, -1, 0);
    this.current = this.orthographic;
    this.controls = new OrbitControls(this.current, element);
    this.controls.zoomToCursor = true;
    this.controls.zoomSpeed = 1.4;
    this.controls.minZoom = 0.2;
    this.controls.maxZoom = 400;
    this.controls.addEventListener("change", onMoved);
    // The controls keep silent about moves of less than a thousandth of a unit, which may be a lot.
    this.dragged = ({ buttons }) => buttons && onMoved();
    this.element = element;
    element.addEventListener("pointermove", this.dragged);
    this.fit();
  }

  get parallel() {
    return this.current === this.orthographic;
  }

  set parallel(wanted) {
    if (wanted === this.parallel) return;
    const { position, half } = this;
    this.current = wanted ? this.orthographic : this.perspective;
    this.controls.object = this.current;
    this.current.position.copy(position);
    this.half = half;
  }

  get position() {
    return this.current.position.clone();
  }

  /** Half the height of what is seen, at the depth of the target. */
  get half() {
    if (this.parallel) return this.radius / this.orthographic.zoom;
    return this.distance * Math.tan((FIELD_DEG / 2) * (Math.PI / 180));
  }

  set half(value) {
    const side = this.current.position.clone().sub(this.controls.target).normalize();
    const distance = this.parallel ? 4 * this.radius : value / Math.tan((FIELD_DEG / 2) * (Math.PI / 180));
    this.current.position.copy(this.controls.target).addScaledVector(side, distance);
    this.orthographic.zoom = this.radius / value;
    this.orthographic.updateProjectionMatrix();
    this.controls.update();
  }

  get distance() {
    return this.current.position.distanceTo(this.controls.target);
  }

  resize(aspect) {
    this.aspect = aspect;
    Object.assign(this.orthographic, {
      left: -this.radius * aspect, right: this.radius * aspect, top: this.radius, bottom: -this.radius,
    });
    this.perspective.aspect = aspect;
    this.orthographic.updateProjectionMatrix();
    this.perspective.updateProjectionMatrix();
  }

  /** Fit [x0, x1, y0, y1, z0, z1] into the picture; `side` is where to look from, as now if left out. */
  fit(bounds = this.bounds, side = FIRST_SIDE) {
    const target = middle(bounds);
    const from = side ? new Vector3(...side) : this.current.position.clone().sub(this.controls.target);
    this.controls.target.copy(target);
    this.current.position.copy(target).addScaledVector(from.normalize(), 4 * this.radius);
    this.controls.update();
    this.current.updateMatrixWorld();
    const turned = this.current.matrixWorldInverse;
    let half = 0;
    for (let i = 0; i < 8; i++) {
      const corner = new Vector3(bounds[i & 1], bounds[2 + ((i >> 1) & 1)], bounds[4 + ((i >> 2) & 1)]);
      const seen = corner.applyMatrix4(turned);
      half = Math.max(half, Math.abs(seen.y) * ROOM[1], (Math.abs(seen.x) * ROOM[0]) / this.aspect);
    }
    // In perspective, what is nearer is larger.
    this.half = half * (this.parallel ? 1 : 1.15) || 1;
  }

  /** Turn about the upright axis of the picture. */
  turn(radians) {
    const { current, controls } = this;
    const side = current.position.clone().sub(controls.target).applyAxisAngle(new Vector3(0, -1, 0), radians);
    current.position.copy(controls.target).add(side);
    controls.update();
  }

  /** Set the depths that are drawn; return the nearest and the farthest of the scene. */
  prepare() {
    const depth = this.current.position.distanceTo(this.centre);
    const [near, far] = [depth - 1.05 * this.radius, depth + 1.05 * this.radius];
    this.orthographic.near = Math.min(near, 0) - 10 * this.radius;
    this.orthographic.far = far + 10 * this.radius;
    this.perspective.near = Math.max(near - this.radius, 1e-3 * this.radius);
    this.perspective.far = far + this.radius;
    this.current.updateProjectionMatrix();
    this.current.updateMatrixWorld();
    return [Math.max(near, 0), far];
  }

  /** Where a point (x, y, z) is in a picture of width × height. */
  project(point, width, height) {
    const seen = new Vector3(...point).project(this.current);
    return [((seen.x + 1) / 2) * width, ((1 - seen.y) / 2) * height];
  }

  get state() {
    return { position: this.current.position.toArray(), target: this.controls.target.toArray(), half: this.half };
  }

  set state({ position, target, half }) {
    this.current.position.fromArray(position);
    this.controls.target.fromArray(target);
    this.half = half;
  }

  close() {
    this.element.removeEventListener("pointermove", this.dragged);
    this.controls.dispose();
  }
}

function middle([x0, x1, y0, y1, z0, z1]) {
  return new Vector3((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2);
}

function extent([x0, x1, y0, y1, z0, z1]) {
  return Math.hypot(x1 - x0, y1 - y0, z1 - z0);
}
