// Who reads what whom made, between the items that can be seen.

import type { GraphModel, Item } from "./graph_model";
import { Run } from "./run";

export interface Edge {
  from: Item;
  to: Item;
  // From forward to forward, backward to backward, forward to backward; and what
  // takes gradients but is no mirror of an op: an optimizer, a sum.
  kind: "data" | "gradient" | "saved" | "update";
  type: number; // into texts: of the first of its tensors
  tensors: number;
  side: number | null; // where it passes what is between its ends
}

// The outermost item that stands for an item: itself, unless one around it is
// closed.
export function shownItem(item: Item, open: Set<string>): Item {
  let shown = item;
  for (let up = item.parent; up; up = up.parent) if (up.parent && !open.has(up.key)) shown = up;
  return shown;
}

export function edgesOf(run: Run, model: GraphModel, step: number, open: Set<string>): Edge[] {
  const { spans } = run;
  const [from, to] = run.spansOfStep(step);
  const items: (Item | null)[] = [];
  const known = new Map<Item, Item>();
  const placed = new Set<Item>();
  const place = (item: Item) => { placed.add(item); item.children.forEach(place); };
  place(model.root);
  for (let i = from; i < to; ++i) items.push(find(i));

  // The item of a span or of the nearest span around it that has one.
  function find(span: number): Item | null {
    let item: Item | undefined;
    for (let at = span; at >= from && !item; at = spans.parent[at]) item = model.itemOf.get(at);
    while (item && !placed.has(item)) item = item.kind === "op" && item.parent?.kind === "op" ? item.parent : undefined;
    if (!item) return null;
    let shown = known.get(item);
    if (!shown) known.set(item, (shown = shownItem(item, open)));
    return shown;
  }

  // Around ops that are hidden: their makers instead.
  const makers = new Map<number, number[]>();
  function resolve(span: number): number[] {
    if (items[span - from]) return [span];
    let list = makers.get(span);
    if (list) return list;
    makers.set(span, (list = []));
    const all = new Set<number>();
    for (let edge = spans.edges[span]; edge < spans.edges[span + 1]; ++edge) {
      const maker = spans.edgeFrom[edge];
      if (maker >= from) for (const each of resolve(maker)) all.add(each);
    }
    list.push(...all);
    return list;
  }

  const edges = new Map<string, Edge>();
  const ids = new Map<Item, number>();
  const id = (item: Item) => { if (!ids.has(item)) ids.set(item, ids.size); return ids.get(item); };
  for (let span = from; span < to; ++span) {
    const reader = items[span - from];
    if (!reader) continue;
    for (let edge = spans.edges[span]; edge < spans.edges[span + 1]; ++edge) {
      if (spans.edgeFrom[edge] < from) continue;
      for (const maker of resolve(spans.edgeFrom[edge])) {
        const source = items[maker - from]!;
        if (source === reader && (!spans.backward[span] || spans.backward[maker])) continue;
        const kind = spans.backward[span] ? (!spans.backward[maker] ? "saved" : reader.hasForward ? "gradient" : "update")
          : spans.backward[maker] ? "update" : "data";
        const key = `${id(source)} ${id(reader)} ${kind}`;
        const same = edges.get(key);
        if (same) ++same.tensors;
        else edges.set(key, { from: source, to: reader, kind, type: spans.edgeType[edge], tensors: 1, side: null });
      }
    }
  }
  return [...edges.values()].filter((each) => each.from !== each.to);
}

