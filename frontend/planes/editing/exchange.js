// Sends changes one after the other, beats, and finds the server again when it was gone.

import { NotConnected, Occupied } from "./client.js";

const BEAT_MS = 4000;
const RETRY_MS = 1000;

/**
 * @typedef {{version: number, undo: number, redo: number, editor: {owner: string, since: number, you: boolean} | null,
 *   shape: number[], place: import("./places.js").Placing, scored: boolean, name: string}} Told
 * @typedef {{version: number, undo: number, redo: number, voxels: number, box: import("./places.js").Box | null,
 *   rows: Record<string, import("./palette.js").Row | null>, classes: Record<string, string | null>}} Answer
 * @typedef {{changed: (answer: Answer) => Promise<void>, tell: (told: Told) => void, done: (draft: object | null) => void,
 *   refused: (error: Error) => void, lost: (waiting: number) => number,
 *   found: (told: Told, dropped: number, kept: boolean) => void}} Listener
 */

export class Exchange {
  /** @param {import("./client.js").Client} client
   *  @param {Listener} listener */
  constructor(client, listener) {
    this.client = client;
    this.listener = listener;
    /** @type {{what: string, content: Record<string, any>, draft: object | null}[]} */
    this.waiting = [];
    this.working = this.lost = this.closed = false;
    this.version = 0;
    this.dropped = 0;
    this.timer = setInterval(() => this.beat(), BEAT_MS);
  }

  /** Queue a change; it is done when the server has it on its disk.
   *  @param {string} what
   *  @param {Record<string, any>} content
   *  @param {object | null} draft what shows it until then */
  send(what, content = {}, draft = null) {
    this.waiting.push({ what, content, draft });
    if (!this.working) this.work();
  }

  async work() {
    this.working = true;
    while (this.waiting.length && !this.lost) {
      const [{ what, content, draft }] = this.waiting;
      try {
        const answer = await this.client.post(what, content);
        this.version = answer.version;
        // From here on it is kept, whatever comes.
        this.waiting.shift();
        await this.listener.changed(answer);
        this.listener.done(draft);
      } catch (error) {
        if (this.closed) return;
        if (error instanceof NotConnected) this.lose();
        else {
          if (this.waiting[0]?.draft === draft) this.waiting.shift();
          this.listener.refused(/** @type {Error} */ (error));
          this.listener.done(draft);
          if (error instanceof Occupied) this.beat(true);
        }
      }
    }
    this.working = false;
  }

  /** @param {boolean} always also while changes are on their way */
  async beat(always = false) {
    if (this.lost || (this.working && !always)) return;
    const { version } = this;
    try {
      const told = await this.client.post("beat");
      if (!this.working && version === this.version) this.listener.tell(told);
    } catch (error) {
      if (this.closed) return;
      if (error instanceof NotConnected) this.lose();
      else this.listener.refused(/** @type {Error} */ (error));
    }
  }

  lose() {
    if (this.lost) return;
    this.lost = true;
    this.dropped = this.listener.lost(this.waiting.length);
    this.waiting = [];
    this.retry();
  }

  retry() {
    this.retrying = setTimeout(async () => {
      try {
        const told = await this.client.post("beat");
        if (this.closed) return;
        this.lost = false;
        this.listener.found(told, this.dropped, told.version > this.version);
      } catch (error) {
        if (this.closed) return;
        if (error instanceof NotConnected) this.retry();
        else this.listener.refused(/** @type {Error} */ (error));
      }
    }, RETRY_MS);
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.retrying);
    this.client.post("leave", {}, true).catch(() => {});
  }
}
