// What is drawn as one box of the graph: a module, an op, or several of them.

import { none } from "./run";

// Of all that an item stands for, in one direction.
export interface Amounts {
  ns: number;
  flops: number; // as far as they are known
  bytes: number; // allocated
}

export interface Item {
  id: number; // parents first; none: it is in no finished model
  key: string; // the same in every step
  kind: "module" | "op" | "group" | "fold" | "merged";
  label: string;
  detail: string; // a type, or how often
  type: string; // of a module; of an op its name
  shape: number; // equal for items that do the same
  module: number;
  at: number; // position of an op, or of a backward node alone
  nodes: number[]; // positions of an op's backward nodes, outermost ones
  nodeCount: number; // with those inside
  firstNode: number; // position; none: it has no backward side
  order: number; // when it began
  forward: Amounts;
  backward: Amounts;
  parameters: number; // children included
  hasForward: boolean;
  isForeign: boolean; // stands in a module whose it is not
  threw: boolean; // it, or what is inside, ended by an exception
  parent: Item | null;
  children: Item[];
}

export function newAmounts(): Amounts {
  return { ns: 0, flops: 0, bytes: 0 };
}

export function newItem(kind: Item["kind"], key: string, label: string, parent: Item | null): Item {
  const item: Item = { id: none, key, kind, label, detail: "", type: "", shape: 0, module: none, at: none,
                       nodes: [], nodeCount: 0, firstNode: none, order: Infinity, forward: newAmounts(),
                       backward: newAmounts(), parameters: 0, hasForward: false, isForeign: false, threw: false,
                       parent, children: [] };
  parent?.children.push(item);
  return item;
}

export function add(sum: Amounts, more: Amounts): void {
  sum.ns += more.ns;
  sum.flops += more.flops;
  sum.bytes += more.bytes;
}

// Makes an item the sum of its children.
export function sumUp(item: Item): void {
  [item.forward, item.backward] = [newAmounts(), newAmounts()];
  [item.nodeCount, item.firstNode, item.order] = [0, none, Infinity];
  [item.hasForward, item.threw] = [false, false];
  for (const child of item.children) {
    item.nodeCount += child.nodeCount;
    if (item.firstNode === none) item.firstNode = child.firstNode;
    item.order = Math.min(item.order, child.order);
    item.hasForward ||= child.hasForward;
    item.threw ||= child.threw;
    if (child.isForeign && (item.kind === "module" || item.kind === "merged")) continue;
    add(item.forward, child.forward);
    add(item.backward, child.backward);
  }
}

// One item for several that stand side by side in `parent`.
export function sumOf(items: Item[], kind: Item["kind"], key: string, label: string, parent: Item): Item {
  const item = newItem(kind, key, label, null);
  item.parent = parent;
  item.children = items;
  for (const child of items) {
    child.parent = item;
    item.parameters += child.parameters;
  }
  sumUp(item);
  item.isForeign = items.every(({ isForeign }) => isForeign);
  return item;
}
