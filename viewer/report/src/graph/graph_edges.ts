// Who reads what whom made, between the items that can be seen.

import type { Item } from "./graph_item";
import type { GraphModel } from "./graph_model";
import { Run, none } from "../run/run";

// From forward to forward, backward to backward, forward to backward; and what
// takes gradients but is no mirror of an op: an optimizer, a sum.
export type EdgeKind = "data" | "gradient" | "saved" | "update";

export interface Edge {
  from: Item;
  to: Item;
  kind: EdgeKind;
  type: number; // into texts: of the first of its tensors
  tensors: number;
  sets: Set<number> | null; // of steps in which it ran: into Ran.sets
  side: number | null; // where it passes what is between its ends
}

// The outermost item that stands for an item: itself, unless one around it is
// closed.
export function shownItem(item: Item, open: Set<string>): Item {
  let shown = item;
  for (let up = item.parent; up; up = up.parent) if (up.parent && !open.has(up.key)) shown = up;
  return shown;
}

// All edges of a model between its items, once; then those that can be seen, as
// often as groups are opened and closed.
export class GraphEdges {
  private from: number[] = []; // ids of items
  private to: number[] = [];
  private isBackward: number[] = []; // 1: its maker is, 2: its reader is
  private edge: number[] = []; // into the source's

  constructor(run: Run, private model: GraphModel) {
    const { source, itemAt } = model;
    const { backward } = run.spans;
    const makers = new Map<number, number[]>();
    // Around ops that are hidden: their makers instead.
    const resolve = (position: number): number[] => {
      if (itemAt[position]) return [position];
      let list = makers.get(position);
      if (list) return list;
      makers.set(position, (list = []));
      const all = new Set<number>();
      for (let edge = source.edges[position]; edge < source.edges[position + 1]; ++edge) {
        const maker = source.edgeFrom[edge];
        if (maker !== none) for (const each of resolve(maker)) all.add(each);
      }
      list.push(...all);
      return list;
    };
    for (let reader = 0; reader < source.count; ++reader) {
      const to = itemAt[reader];
      if (!to) continue;
      for (let edge = source.edges[reader]; edge < source.edges[reader + 1]; ++edge) {
        if (source.edgeFrom[edge] === none) continue;
        for (const maker of resolve(source.edgeFrom[edge])) {
          const from = itemAt[maker]!;
          if (from === to) continue;
          this.from.push(from.id);
          this.to.push(to.id);
          this.isBackward.push(backward[source.span[maker]] + 2 * backward[source.span[reader]]);
          this.edge.push(edge);
        }
      }
    }
  }

  between(open: Set<string>): Edge[] {
    const { items, source } = this.model;
    const shown = new Int32Array(items.length);
    for (const { id, parent } of items) {
      // Parents come first.
      shown[id] = !parent || !parent.parent || (shown[parent.id] === parent.id && open.has(parent.key))
        ? id : shown[parent.id];
    }
    const edges = new Map<number, Edge>();
    for (let i = 0; i < this.edge.length; ++i) {
      const from = shown[this.from[i]], to = shown[this.to[i]];
      if (from === to) continue;
      const key = (from * items.length + to) * 4 + this.isBackward[i];
      const edge = this.edge[i];
      let known = edges.get(key);
      if (!known) {
        edges.set(key, (known = { from: items[from], to: items[to], kind: kindOf(this.isBackward[i], items[to]),
          type: source.edgeType[edge], tensors: 0, sets: source.ran && new Set(), side: null }));
      }
      ++known.tensors;
      known.sets?.add(source.ran!.edges[edge]);
    }
    return [...edges.values()];
  }
}

function kindOf(isBackward: number, reader: Item): EdgeKind {
  if (isBackward === 0) return "data";
  if (isBackward === 2) return "saved";
  return isBackward === 3 && reader.hasForward ? "gradient" : "update";
}
