// Links to files on the server; the browser fetches them itself, past Streamlit.

const ARROW = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v11m0 0-4-4m4 4 4-4M5 20h14"/></svg>';

/** @typedef {{label: string, note: string, address: string, title: string}} Link */

/** @param {{parentElement: HTMLElement, data: Link[]}} component */
export default function mount({ parentElement, data }) {
  const root = /** @type {HTMLElement} */ (parentElement.querySelector(".downloads"));
  root.replaceChildren(
    ...data.map(({ label, note, address, title }) => {
      const link = document.createElement("a");
      link.innerHTML = ARROW;
      link.append(label);
      if (note) link.append(Object.assign(document.createElement("small"), { textContent: note }));
      return Object.assign(link, { href: address, download: "", title });
    }),
  );
}
