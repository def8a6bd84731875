// Items that repeat, such as the blocks of a transformer or the ops of an
// optimizer for each parameter, become one that can be unfolded.

import { Item, sumOf } from "./graph_item";

const leastRepeats = 3, longestPeriod = 32, mostChildren = 120;

// How often the items from `at` on repeat with a period.
function repeats(shapes: number[], at: number, period: number): number {
  let count = 1;
  for (let i = at + period; i + period <= shapes.length; i += period, ++count) {
    for (let k = 0; k < period; ++k) if (shapes[i + k] !== shapes[at + k]) return count;
  }
  return count;
}

function namesOf(items: Item[]): string {
  const [first, last] = [items[0].label, items[items.length - 1].label];
  return first === last ? first : `${first} \u2026 ${last}`;
}

function foldAt(parent: Item, items: Item[], period: number, count: number): Item {
  const key = `${items[0].key}*${period}`;
  const { kind, detail, type, shape } = items[0];
  const parts = period === 1 ? items : Array.from({ length: count }, (_, i) =>
    sumOf(items.slice(i * period, (i + 1) * period), "group", `${key}/${i}`, `${i + 1}`, parent));
  const item = sumOf(parts, "fold", key, namesOf(period === 1 ? items : items.slice(0, period)), parent);
  for (const part of parts) if (period > 1) part.detail = `${period} ops`;
  item.shape = shape;
  if (period === 1) item.type = type;
  item.detail = `\u00d7${count}` + (kind === "module" ? `  ${detail}` : "");
  return item;
}

export function foldRepeats(parent: Item): Item[] {
  const { children } = parent;
  if (children.length < leastRepeats) return children;
  const shapes = children.map(({ shape }) => shape);
  const folded: Item[] = [];
  for (let at = 0; at < children.length; ) {
    let best = { period: 1, count: 1 };
    for (let period = 1; period <= longestPeriod && at + period * leastRepeats <= children.length; ++period) {
      const count = repeats(shapes, at, period);
      if (count >= leastRepeats && count * period > best.count * best.period) best = { period, count };
    }
    const { period, count } = best;
    if (count < leastRepeats) folded.push(children[at++]);
    else {
      folded.push(foldAt(parent, children.slice(at, at + period * count), period, count));
      at += period * count;
    }
  }
  return folded.length > mostChildren ? paged(parent, folded) : folded;
}

// Too many for one picture: a hundred at a time.
function paged(parent: Item, items: Item[]): Item[] {
  const pages: Item[] = [];
  for (let at = 0; at < items.length; at += 100) {
    const part = items.slice(at, at + 100);
    const page = sumOf(part, "group", `${parent.key}/page${at}`, `${at + 1} to ${at + part.length}`, parent);
    page.detail = `of ${items.length}`;
    pages.push(page);
  }
  return pages;
}
