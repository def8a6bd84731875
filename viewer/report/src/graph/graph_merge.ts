// Modules with few parameters become a part of the one before them, or, where
// there is none, of the one after them; where all are small, of the one around
// them. Only neighbours in time are merged, so no way goes in a circle, and a
// merged item is the sum of its parts: totals stay.

import { GroupItem, Item, sumOf } from "./graph_item";
import { plural } from "../widgets/units";

function namesOf(types: string[]): string {
  const distinct = [...new Set(types)];
  return distinct.slice(0, 3).join(" + ") + (distinct.length > 3 ? ` + ${distinct.length - 3} more` : "");
}

function mergedOf(large: Item, run: Item[], parent: Item): Item {
  if (run.length === 1) return large;
  const item = sumOf(run, "merged", `${run[0].key}+`, `${large.label} and ${run.length - 1} more`, parent);
  item.type = large.type;
  item.module = large.module;
  item.detail = namesOf([large.type, ...run.filter((each) => each !== large).map(({ type }) => type)]);
  return item;
}

// The children of a module, in the order of time, those with fewer than
// `least` parameters merged. What has no module stays as it is.
export function mergeSmall(parent: GroupItem, least: number): Item[] {
  const { children } = parent;
  if (least <= 0 || parent.kind !== "module") return children;
  const isLarge = ({ kind, parameters }: Item) => kind === "module" && parameters >= least;
  if (!children.some(({ kind }) => kind === "module")) return children;
  // The module around them stands for them all.
  if (!children.some(isLarge)) {
    parent.detail += ` of ${plural(children.length, "part")}`;
    return [];
  }
  const merged: Item[] = [];
  let run: Item[] = [], large: Item | null = null;
  const close = () => {
    if (large) merged.push(mergedOf(large, run, parent));
    else merged.push(...run);
    [run, large] = [[], null];
  };
  for (const child of children) {
    if (isLarge(child)) {
      if (large) close();
      large = child;
    }
    run.push(child);
  }
  close();
  return merged;
}
