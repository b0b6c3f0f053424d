// A document of the documentation, or a list of them; a link to another one stays within the app.

/** @typedef {{html: string, name: string, section: string}} Shown */

/** @param {{parentElement: HTMLElement, data: Shown, setTriggerValue: (name: string, value: string) => void}} component */
export default function mount({ parentElement, data, setTriggerValue }) {
  const root = /** @type {HTMLElement} */ (parentElement.querySelector(".manual"));
  root.onclick = (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("a");
    const place = link && placeOf(link.href, document.baseURI);
    if (!place || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (place.name === data.name && place.section) goTo(root, place.section);
    else setTriggerValue("followed", `${place.name}#${place.section}`);
  };
  const before = shown.get(root);
  if (before === data.html + data.section) return;
  shown.set(root, data.html + data.section);
  root.innerHTML = data.html;
  for (const link of root.querySelectorAll("a")) {
    if (!placeOf(link.href, document.baseURI)) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
  }
  if (data.section || (data.name && before)) goTo(root, data.section);
}

/** @type {WeakMap<HTMLElement, string>} what stands where */
const shown = new WeakMap();

/**
 * Return the document and the section that an address of the page *Help* names, null for any other.
 * @param {string} href
 * @param {string} base where the app is
 */
export function placeOf(href, base) {
  const address = new URL(href, base);
  const help = new URL("help", base);
  if (address.origin !== help.origin || address.pathname !== help.pathname) return null;
  const asked = address.searchParams;
  return { name: asked.get("doc") ?? "index", section: asked.get("section") ?? "" };
}

/**
 * Scroll to a section, or to the top, once the pictures have their sizes.
 * @param {HTMLElement} root
 * @param {string} section
 */
async function goTo(root, section) {
  const place = section ? root.querySelector(`#${CSS.escape(section)}`) : root.firstElementChild;
  await Promise.all([...root.querySelectorAll("img")].map((image) => image.decode().catch(() => undefined)));
  place?.scrollIntoView();
}
