// The 3D view of a surface: loads it, keeps what is set, and brings that onto the screen.

import { SliceCache } from "../shared/slices.js";
import { applyCut, applyPaper, look, loadSlice, paperOf } from "./appearance.js";
import { loadDistances } from "./distances.js";
import { boundsOf } from "./geometry.js";
import { listen } from "./hands.js";
import { copyLink, stateAsked } from "./links.js";
import { fillList } from "./list.js";
import { endLive, follower } from "./live.js";
import { fetchMesh } from "./mesh.js";
import { framed, loadValues, paint } from "./objects.js";
import { overlay } from "./overlay.js";
import { fillPanels } from "./panels.js";
import { keepView, saveFilm, savePicture } from "./saving.js";
import { SurfaceScene } from "./scene.js";
import { Looks, PLAIN } from "./shading.js";
import { beginning, firstState } from "./state.js";

const REPORT_AFTER_MS = 120;

export class SurfaceView {
  constructor(root) {
    this.root = root;
    /** @type {AbortController | undefined} */
    this.filming = undefined;
    this.stage = root.querySelector(".stage");
    this.follow = follower(this);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined;
    /** @type {number | null} the threshold of the coarse surface that is shown */
    this.liveAt = null;
    this.listening = new AbortController();
    this.resizing = new ResizeObserver(() => this.scene?.resize());
    this.resizing.observe(this.stage);
    listen(this);
  }

  /** @returns {any} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  /** Take new data. Its choice of objects counts where it is news: an echo of what was reported
   *  may come late. */
  show(data, setStateValue, setTriggerValue) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    const previous = this.data;
    this.data = data;
    const another = previous?.levels.at(-1) !== data.levels.at(-1);
    if (another) this.chosen = data.chosen;
    else if (`${previous.chosen}` !== `${data.chosen}` && `${data.chosen}` !== this.reported) this.chosen = data.chosen;
    this.find(".old").textContent = data.old;
    if (another) this.open();
    else this.paint();
  }

  // --- Loading ---------------------------------------------------------------------------------

  async open() {
    this.shut();
    this.state = beginning(stateAsked(this.data) ?? this.remembered(), this.data);
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.find(".failed").hidden = true;
    this.root.classList.remove("flat");
    try {
      for (const [at, address] of this.data.levels.entries()) {
        const last = at === this.data.levels.length - 1;
        const mesh = await fetchMesh(address, { signal, onProgress: (got, all) => this.tell(got, all) });
        if (signal.aborted) return;
        if (!this.scene) this.begin(mesh.head);
        this.scene.add(last ? "full" : "coarse", mesh);
        loadDistances(this);
      }
      this.tell(1, 1);
    } catch (error) {
      if (!signal.aborted) this.fail(error.message);
    }
  }

  /** Make the scene for a surface of which the head is known. */
  begin(head) {
    this.objects = head.objects;
    this.unit = head.unit;
    if (!head.objects.colour && this.state.colour === "own") this.state.colour = "object";
    this.rows = new Map(head.objects.object.map((id, row) => [id, row]));
    const fresh = document.createElement("canvas"); // one that has lost its context stays lost
    this.find("canvas").replaceWith(fresh);
    this.looks = new Looks(this.rows.size + 1); // the last one is that of a coarse surface
    this.looks.set(this.rows.size, this.data.palette[0], PLAIN);
    try {
      this.scene = new SurfaceScene(fresh, this.looks, boundsOf(head.objects.bounds), (level) => this.drawn(level));
    } catch (error) {
      throw new Error(`This browser shows no 3D graphics (${error.message}).`);
    }
    fresh.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (!this.scene?.closed) this.fail("The graphics card gave up the 3D view.");
    });
    this.scene.resize();
    this.scene.cameras.parallel = this.state.projection === "parallel";
    if (this.state.camera) this.scene.cameras.state = this.state.camera;
    else this.scene.cameras.fit();
    const { url, shape: [depth, height, width] } = this.data.slices;
    this.images = new SliceCache((z) => (z < depth ? url.replace("{z}", z) : null), width * height);
    this.apply(Object.keys(firstState()));
  }

  tell(got, all) {
    const badge = this.find(".loading");
    badge.hidden = got >= all;
    badge.firstElementChild.textContent = `${(got / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`;
    badge.lastElementChild.value = got / all;
  }

  /** Say why there is no 3D view, and show a picture that the server draws. */
  fail(reason) {
    this.shut();
    this.find(".loading").hidden = true;
    this.find(".failed").hidden = false;
    this.root.classList.add("flat");
    this.find(".failed p").textContent = `No 3D view: ${reason}`;
    const picture = this.find(".failed img");
    picture.hidden = true;
    picture.onload = () => (picture.hidden = false);
    picture.src = new URL(this.data.picture, document.baseURI);
  }

  shut() {
    clearTimeout(this.remembering);
    clearTimeout(this.resting);
    this.liveAt = null;
    this.loading?.abort();
    this.filming?.abort();
    this.images?.close();
    this.scene?.close();
    this.scene = null;
    delete this.stage.dataset.drawn;
  }

  // --- What is shown ---------------------------------------------------------------------------

  remembered() {
    return JSON.parse(localStorage.getItem(`deepsxt.surface.${this.data.id}`) ?? "null");
  }

  remember() {
    const state = { ...this.state, camera: this.scene.cameras.state };
    try {
      localStorage.setItem(`deepsxt.surface.${this.data.id}`, JSON.stringify(state));
    } catch {
      // A full storage costs the memory of the view, not the view.
    }
  }

  set(changes) {
    if (!this.scene) return;
    Object.assign(this.state, changes);
    this.apply(Object.keys(changes));
    this.remember();
  }

  /** Bring what depends on these parts of the state onto the screen. */
  apply(changed) {
    const { state, scene } = this;
    const any = (...names) => names.some((name) => changed.includes(name));
    if (any("projection")) scene.cameras.parallel = state.projection === "parallel";
    if (any("colour")) loadValues(this);
    if (any("colour", "against", "deviation", "tolerance")) loadDistances(this);
    if (any("colour", "hidden")) this.paint();
    if (any("slice", "z", "opacity")) loadSlice(this);
    if (any("cut", "at", "flipped", "slice", "z", "together")) applyCut(this);
    if (any("background")) applyPaper(this);
    fillPanels(this);
    scene.invalidate();
  }

  get bounds() {
    return this.scene.bounds;
  }

  /** Where the cut is along an axis, in units. */
  cutAt(axis) {
    const place = "xyz".indexOf(axis);
    const [low, high] = this.bounds.slice(2 * place, 2 * place + 2);
    return low + ((high - low) * this.state.at[axis]) / 1000;
  }

  sliceAt(z) {
    return this.data.slices.first[0] + z * this.data.slices.edges[0];
  }

  svg() {
    this.scene.cameras.prepare(); // a camera that has just been turned does not know its place yet
    return overlay(this.scene.cameras, ...this.scene.size, look(this, paperOf(this)));
  }

  drawn(level) {
    const { scene, state } = this;
    scene.box.visible = state.box;
    this.find(".over").innerHTML = this.svg();
    this.stage.dataset.drawn = level;
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => this.scene && this.remember(), 400);
  }

  // --- Objects ---------------------------------------------------------------------------------

  get ids() {
    return this.objects.object;
  }

  /** The values that colours stand for, or null; those of measurements are fetched once. */
  get values() {
    return ["object", "own"].includes(this.state.colour) ? null : (this.objects[this.state.colour] ?? null);
  }

  note(panel, content) {
    const note = this.find(`[data-note="${panel}"]`);
    if (note) note.textContent = content;
  }

  paint() {
    paint(this);
  }

  choose(ids) {
    this.chosen = ids;
    this.reported = `${ids}`;
    this.paint();
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.setStateValue("chosen", ids), REPORT_AFTER_MS);
  }

  openPanel(name) {
    this.panel = this.panel === name ? null : name;
    if (this.panel === "objects" && this.scene) fillList(this);
    fillPanels(this);
  }

  act(name) {
    const { scene, state } = this;
    if (name === "retry") return this.open();
    if (name === "full") return document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen();
    if (!scene) return;
    if (name === "reset") scene.cameras.fit();
    if (name === "frame") scene.cameras.fit(framed(this), null);
    if (name === "hide" && this.chosen.length) {
      this.set({ hidden: [...new Set([...state.hidden, ...this.chosen])] });
      this.choose([]);
    }
    if (name === "isolate" && this.chosen.length) {
      this.set({ hidden: this.ids.filter((id) => !this.chosen.includes(id)) });
      this.choose([]);
    }
    if (name === "all") this.set({ hidden: [] });
    if (name === "escape") this.panel ? this.openPanel(null) : this.choose([]);
    if (name === "png" || name === "svg") savePicture(this, name);
    if (name === "film") saveFilm(this);
    if (name === "key") keepView(this);
    if (name === "link") copyLink(this);
    if (name === "made") endLive(this);
    if (name === "stop") this.filming.abort();
    scene.invalidate();
  }

  close() {
    this.listening.abort();
    this.resizing.disconnect();
    clearTimeout(this.reporting);
    clearTimeout(this.remembering);
    this.shut();
  }
}
