// Talks to the server about one annotation, as one tab.

/** The server cannot be reached, or is another one than before. */
export class NotConnected extends Error {}
/** Somebody else edits. */
export class Occupied extends Error {}

/** Which browser this is, for people.
 *  @param {string} agent */
export function describe(agent) {
  const browsers = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrom", "Chromium"], ["Safari", "Safari"]];
  const systems = [["Android", "Android"], ["iPad", "iPad"], ["iPhone", "iPhone"], ["Windows", "Windows"], ["Mac", "macOS"],
    ["Linux", "Linux"]];
  const named = (/** @type {string[][]} */ known) => known.find(([mark]) => agent.includes(mark))?.[1];
  return `${named(browsers) ?? "A browser"} on ${named(systems) ?? "some system"}`;
}

const KEY = "deepsxt.tab";

/** The name of this tab, which it keeps when it is loaded anew; a copy of a tab gets another one. */
export async function tabName() {
  const fresh = () => [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const name = sessionStorage.getItem(KEY) ?? fresh();
  // A lock that is held as long as the page lives; not every page may ask for one.
  const free = !navigator.locks || await new Promise((told) => {
    navigator.locks.request(`${KEY}.${name}`, { ifAvailable: true }, (lock) => {
      told(lock !== null);
      return lock && new Promise(() => {});
    }).catch(() => told(true));
  });
  const mine = free ? name : fresh();
  sessionStorage.setItem(KEY, mine);
  return mine;
}

export class Client {
  /** @param {string} address of the annotation
   *  @param {string} token
   *  @param {string} session */
  constructor(address, token, session) {
    this.address = address;
    this.token = token;
    this.session = session;
    this.owner = describe(navigator.userAgent);
  }

  /** @param {string} what
   *  @param {Record<string, any>} content
   *  @param {boolean} last whether the page is about to close
   *  @returns {Promise<any>} */
  async post(what, content = {}, last = false) {
    const { address, token, session, owner } = this;
    const response = await fetch(`${address}/${what}`, {
      method: "POST", keepalive: last, body: JSON.stringify({ session, owner, ...content }),
      headers: { "Content-Type": "application/json", "X-DeepSXT-Token": token },
    }).catch(() => null);
    return this.read(response);
  }

  /** @param {string} what
   *  @returns {Promise<any>} */
  async get(what) {
    return this.read(await fetch(`${this.address}${what}`).catch(() => null));
  }

  /** @param {Response | null} response */
  async read(response) {
    // A new server knows other tokens; the page learns its own when Streamlit has found the server again.
    if (!response || response.status === 403 || response.status >= 500) throw new NotConnected();
    if (response.ok) return response.json();
    const text = (await response.text()) || "The server did not understand.";
    throw response.status === 423 ? new Occupied(text) : new Error(text);
  }
}
