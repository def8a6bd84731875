// How far the boxes of the graph are lit: by the selection or by a replay.

import type { Item } from "./graph_item";
import type { GraphModel } from "./graph_model";
import { none } from "../run/run";
import { Selection, Store } from "../store";

// 2: selected, or it runs; 1: related or around that, or it ran; 0: not;
// -1: nothing is selected.
export type States = (item: Item, backward: boolean) => number;

export class GraphStates {
  private key: unknown[] = [];
  private last: States = () => -1;

  constructor(private store: Store) {}

  of(model: GraphModel): States {
    const { mask, state } = this.store;
    const at = state.replaying ? state.cursor : null;
    const key = [model, mask, at, state.selection];
    if (key.every((each, i) => each === this.key[i])) return this.last;
    this.key = key;
    if (at !== null) return (this.last = this.replayed(model, at));
    return (this.last = mask ? this.selected(model, mask, state.selection) : () => -1);
  }

  private replayed(model: GraphModel, at: number): States {
    const { start, end, backward } = this.store.run.spans;
    const lit = new Int8Array(2 * model.items.length);
    const [from, to] = this.store.run.spansOfStep(this.store.state.step);
    for (let span = from; span < to; ++span) {
      const i = model.source.positionOf(span);
      if (i === none || start[span] > at) continue;
      const runs = end[span] > at ? 2 : 1;
      light(lit, model.itemAt[i], backward[span], runs, runs);
    }
    return (item, side) => lit[2 * item.id + Number(side)];
  }

  private selected(model: GraphModel, mask: Uint8Array, selection: Selection): States {
    const { source, itemAt } = model;
    const { backward } = this.store.run.spans;
    const lit = new Int8Array(2 * model.items.length);
    const [from, to] = source.range;
    for (let span = from; span < to; ++span) {
      const i = mask[span] ? source.positionOf(span) : none;
      if (i === none) continue;
      // What is inside of an op lights it as what is around.
      const isInside = source.parent[i] !== none && itemAt[i] === itemAt[source.parent[i]];
      light(lit, itemAt[i], backward[span], isInside ? 1 : mask[span], 1);
    }
    return (item, side) => {
      const value = lit[2 * item.id + Number(side)];
      if (selection.kind !== "module") return value;
      return item.kind === "module" && item.module === selection.module ? 2 : Math.min(value, 1);
    };
  }
}

// An item, and what is around it.
function light(lit: Int8Array, item: Item | null, side: number, value: number, around: number): void {
  for (let up = item; up; [up, value] = [up.parent, around]) {
    if (up !== item && lit[2 * up.id + side] >= value) return;
    if (lit[2 * up.id + side] < value) lit[2 * up.id + side] = value;
  }
}
