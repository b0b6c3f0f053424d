// What is known about the chosen objects, beside the scene.

import { shown } from "./colours.js";

/** Fill the card; `quantity` is what the colours stand for, or undefined. */
export function describe(card, view, quantity) {
  const { chosen, objects, rows, data } = view;
  const known = chosen.filter((id) => rows.has(id));
  card.hidden = !known.length;
  card.replaceChildren();
  if (!known.length) return;
  const title = document.createElement("strong");
  title.textContent = known.length === 1 ? `Object ${known[0]}` : `${known.length} objects`;
  const list = document.createElement("dl");
  const columns = data.quantities.filter(({ column }) => objects[column] && (data.summed.includes(column) || known.length === 1));
  const first = columns.filter(({ column }) => data.summed.includes(column) || column === quantity?.column);
  for (const { column, title: name } of first) {
    const values = known.map((id) => objects[column][rows.get(id)]);
    list.append(
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: shown(values.reduce((sum, value) => sum + value, 0)) }),
    );
  }
  card.append(title, list);
}
