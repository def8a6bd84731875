// The amounts by which boxes are coloured and sized.

import type { Measure } from "./graph_choices";
import type { Item } from "./graph_item";
import { bytes, count, time } from "./units";
import { flopText } from "./work";

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
