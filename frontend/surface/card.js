// What is known about the chosen objects, beside the scene.

import { shown } from "./colours.js";
import { nameOf } from "./list.js";

/** Fill the card; `quantity` is what the colours stand for, or undefined. */
export function describe(card, view, quantity) {
  const { chosen, objects, rows, data } = view;
  const known = chosen.filter((id) => rows.has(id));
  card.hidden = !known.length;
  card.replaceChildren();
  if (!known.length) return;
  const title = document.createElement("strong");
  const row = rows.get(known[0]);
  title.textContent = known.length === 1 ? nameOf(objects, row) : `${known.length} objects`;
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
  card.append(title);
  if (known.length > 1) return card.append(list);
  if (objects.class?.[row]) card.append(Object.assign(document.createElement("small"), { textContent: objects.class[row] }));
  card.append(list);
  const address = data.inSlices[known[0]];
  if (address) {
    const href = new URL(address, document.baseURI).href;
    card.append(Object.assign(document.createElement("a"), { href, target: "_self", textContent: "Find in the slices" }));
  }
}
