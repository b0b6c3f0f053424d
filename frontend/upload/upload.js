// A drop zone that streams files to the server, one after the other, goes on after a broken
// connection, shows how far it is, and can be stopped.

import { droppedFiles } from "./dropped.js";

const FORMATS = "TIFF, MRC, HDF5, Zeiss .txm, zipped OME-Zarr, Amira, NIfTI, NRRD, NumPy or EM";
const RETRY_AFTER_S = [1, 2, 4, 8, 15, 30, 30, 30];

/**
 * @typedef {HTMLElement & {token: string, sending: Sending | null, listening?: AbortController}} Place
 * @typedef {{id: string, offset: number}} Begun
 */

/** @param {{parentElement: Place, data: any, setTriggerValue: (name: string, value: string) => void}} component */
export default function mount({ parentElement, data, setTriggerValue }) {
  const root = /** @type {HTMLElement} */ (parentElement.querySelector(".upload"));
  /** @type {(selector: string) => any} */
  const find = (selector) => root.querySelector(selector);
  const [zone, input, busy, problem] = [find(".zone"), find("input"), find(".busy"), find(".problem")];
  const listening = new AbortController();
  // A server that was started anew may have another token; an upload in progress must use that.
  parentElement.token = data.token;

  if (data.prompt) find(".zone strong").textContent = data.prompt;
  find(".formats").textContent = `${data.formats || FORMATS}, up to ${formatBytes(data.limit)}`;
  if (data.accept) input.accept = data.accept;
  input.multiple = Boolean(data.multiple);

  const show = (/** @type {HTMLElement} */ element, /** @type {string} */ text) => {
    element.textContent = text;
    element.hidden = !text;
  };
  const idle = () => {
    parentElement.sending = null;
    input.value = "";
    busy.hidden = true;
    zone.hidden = false;
  };
  const tell = (/** @type {string} */ text) => { find(".state").textContent = text; };

  // Streamlit is told once, when all are there: it draws the page anew then.
  // One that is refused does not hold up the others.
  /** @param {File[]} files
   *  @param {string[]} problems */
  async function send(files, problems = []) {
    if (parentElement.sending) return;
    /** @type {string[]} */
    const arrived = [];
    for (const file of data.multiple ? [...files] : [...files].slice(0, 1)) {
      const { id, problem: found } = await sendOne(file);
      if (found) problems.push(found);
      if (!id && !found) break;
      if (id) arrived.push(id);
    }
    show(problem, problems.join("\n"));
    if (arrived.length) setTriggerValue("opened", arrived.join(" "));
  }

  /** @param {File} file
   *  @returns {Promise<{id?: string, problem?: string}>} its id once it is there, or why it is not; neither once stopped */
  async function sendOne(file) {
    if (file.size > data.limit) return { problem: `${file.name} has ${formatBytes(file.size)}; ${formatBytes(data.limit)} are allowed.` };
    const sending = new Sending(file, data.kind || "tomogram", () => parentElement.token);
    parentElement.sending = sending;
    show(problem, "");
    zone.hidden = true;
    busy.hidden = false;
    find(".name").textContent = file.name;
    find("progress").value = 0;
    tell("Starting …");
    try {
      const arrived = await sending.run(
        (loaded, total, pace) => {
          find("progress").value = loaded / total;
          tell(loaded < total
            ? `${formatBytes(loaded)} of ${formatBytes(total)}${remaining((total - loaded) / pace)}`
            : "Checking the file …");
        },
        (seconds) => tell(`The connection was lost. Trying again ${seconds > 1 ? `in ${seconds} s` : "now"} …`),
      );
      idle();
      return { id: arrived.id };
    } catch (error) {
      idle();
      if (error instanceof Refused || error instanceof Lost) return { problem: error.message };
      if (!(error instanceof Stopped)) throw error;
      return {};
    }
  }

  const options = { signal: listening.signal };
  input.addEventListener("change", () => send([...input.files]), options);
  find(".cancel").addEventListener("click", () => parentElement.sending?.stop(), options);
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      zone.classList.add("over");
    }, options);
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"), options);
  zone.addEventListener("drop", (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    zone.classList.remove("over");
    // What was dropped is only known until this function ends.
    const entries = [...event.dataTransfer?.items ?? []].map((item) => item.webkitGetAsEntry?.());
    const files = [...event.dataTransfer?.files ?? []];
    if (!data.multiple || entries.some((entry) => !entry)) return void send(files);
    droppedFiles(/** @type {any[]} */ (entries), input.accept.split(",")).then((found) => send(found.files, found.problems));
  }, options);

  // Streamlit mounts again on each new data and cleans up once, at the end. A file may have been
  // chosen before this script arrived.
  const first = !parentElement.listening;
  parentElement.listening?.abort();
  parentElement.listening = listening;
  if (first) send([...input.files]);
  return () => {
    listening.abort();
    parentElement.sending?.pause();
  };
}

class Refused extends Error {}
class Lost extends Error {}
class Stopped extends Error {}

// One file on its way. The server knows how much it has; the browser remembers which upload of it
// belongs to which file, so that choosing the file again, even after a reload, goes on with it.
class Sending {
  /** @param {File} file
   *  @param {string} kind
   *  @param {() => string} token */
  constructor(file, kind, token) {
    this.file = file;
    this.kind = kind;
    this.token = token;
    this.key = `deepsxt-upload ${kind} ${file.name} ${file.size} ${file.lastModified}`;
    this.ended = new AbortController();
  }

  /** @param {(loaded: number, total: number, pace: number) => void} progress
   *  @param {(seconds: number) => void} waiting
   *  @returns {Promise<{id: string}>} */
  async run(progress, waiting) {
    let tries = 0;
    let furthest = -1;
    for (;;) {
      try {
        const { id, offset } = await this.begun();
        if (offset > furthest) [tries, furthest] = [0, offset];
        const answer = await this.rest(id, offset, progress);
        if (answer) {
          localStorage.removeItem(this.key);
          return answer;
        }
      } catch (error) {
        if (this.ended.signal.aborted) throw new Stopped();
        if (!(error instanceof Lost)) throw error;
      }
      if (tries === RETRY_AFTER_S.length) throw new Lost("The connection to the server was lost. Choose the same file again to go on where it stopped.");
      const seconds = RETRY_AFTER_S[tries++];
      waiting(seconds);
      await this.wait(seconds);
    }
  }

  // How far the server is with this file: what it knows of an earlier attempt, or a new upload.
  /** @returns {Promise<Begun>} */
  async begun() {
    const known = localStorage.getItem(this.key);
    if (known) {
      const answer = await this.ask("GET", known);
      if (answer.ok) return answer.json();
      if (answer.status !== 404) throw new Lost();
      localStorage.removeItem(this.key);
    }
    const answer = await this.ask("POST", `?name=${encodeURIComponent(this.file.name)}&size=${this.file.size}&kind=${this.kind}`);
    if (answer.status >= 500) throw new Lost();
    if (!answer.ok) throw new Refused(await answer.text());
    const begun = await answer.json();
    localStorage.setItem(this.key, begun.id);
    return begun;
  }

  /** @param {string} method
   *  @param {string} where */
  async ask(method, where) {
    const headers = { "X-DeepSXT-Token": this.token() };
    const address = `api/uploads${where.startsWith("?") ? where : `/${where}`}`;
    try {
      return await fetch(address, { method, headers, signal: this.ended.signal });
    } catch {
      throw new Lost();
    }
  }

  // Send what is missing. `fetch` tells nothing about how far it is; the older interface does.
  /** @param {string} id
   *  @param {number} offset
   *  @param {(loaded: number, total: number, pace: number) => void} progress
   *  @returns {Promise<{id: string} | null>} */
  rest(id, offset, progress) {
    const started = performance.now();
    const total = this.file.size;
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PATCH", `api/uploads/${id}`);
      request.setRequestHeader("X-DeepSXT-Token", this.token());
      request.setRequestHeader("Upload-Offset", `${offset}`);
      request.upload.onprogress = ({ loaded }) =>
        progress(offset + loaded, total, loaded / Math.max(1e-3, (performance.now() - started) / 1000));
      request.onload = () => {
        if (request.status === 201) return resolve(JSON.parse(request.responseText));
        if (request.status === 409 || request.status === 403 || (request.status >= 500 && request.status !== 507)) return reject(new Lost());
        if (request.status === 200) return resolve(null);
        localStorage.removeItem(this.key);
        reject(new Refused(request.responseText || `The server answered ${request.status}.`));
      };
      request.onerror = request.onabort = () => reject(new Lost());
      this.ended.signal.addEventListener("abort", () => request.abort());
      request.send(this.file.slice(offset));
    });
  }

  /** @param {number} seconds
   *  @returns {Promise<void>} */
  wait(seconds) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(), 1000 * seconds);
      this.ended.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new Stopped());
      });
    });
  }

  // Leave it at what the server has.
  pause() {
    this.ended.abort();
  }

  // Give up: the server deletes what it has.
  stop() {
    this.pause();
    const id = localStorage.getItem(this.key);
    if (!id) return;
    localStorage.removeItem(this.key);
    fetch(`api/uploads/${id}`, { method: "DELETE", headers: { "X-DeepSXT-Token": this.token() } }).catch(() => {});
  }
}

/** @param {number} seconds */
function remaining(seconds) {
  return seconds < 2 ? "" : ` · ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left`;
}

/** @param {number} bytes */
function formatBytes(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${+(bytes / 1000 ** power).toPrecision(3)} ${units[power]}`;
}
