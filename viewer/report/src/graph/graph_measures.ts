// The amounts by which boxes are coloured and sized.

import type { GraphChoices, Measure } from "./graph_choices";
import type { Item } from "./graph_item";
import { Heights, leaf } from "./graph_layout";
import { bytes, count, time } from "../widgets/units";
import { flopText } from "../run/work";

export type Side = 0 | 1; // forward, backward

// null: the side has none.
export function measureOf(item: Item, measure: Measure, side: Side): number | null {
  const amounts = side ? item.backward : item.forward;
  switch (measure) {
    case "time": return amounts.ns;
    case "memory": return amounts.bytes;
    case "flops": return amounts.flops;
    case "parameters": return side && item.hasForward ? null : item.parameters;
  }
}

export function measureText(measure: Measure, amount: number): string {
  switch (measure) {
    case "time": return time(amount);
    case "memory": return bytes(amount);
    case "flops": return flopText(amount);
    case "parameters": return count(amount);
  }
}

// How much higher a side is that takes all of the step.
const tallest = 240;

// The same for all, or the more of all there is a side takes the higher.
export function heightsOf(root: Item, size: GraphChoices["size"]): Heights {
  if (size === "same") return () => [leaf.height, leaf.height];
  const all = root.children.reduce((sum, item) =>
    sum + (measureOf(item, size, 0) ?? 0) + (measureOf(item, size, 1) ?? 0), 0);
  const height = (item: Item, side: Side) =>
    leaf.height + tallest * (all > 0 ? (measureOf(item, size, side) ?? 0) / all : 0);
  return (item) => [item.hasForward ? height(item, 0) : 0, item.nodeCount ? height(item, 1) : 0];
}
