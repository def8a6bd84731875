// What is drawn as one box of the graph: a module, an op, or several of them.

import type { Source } from "./graph_source";
import { none } from "../run/run";

// Of all that an item stands for, in one direction.
export interface Amounts {
  ns: number;
  flops: number; // as far as they are known
  bytes: number; // allocated
}

export interface Item {
  id: number; // parents first; none: it is in no finished model
  readonly key: string; // the same in every step
  readonly kind: "module" | "op" | "group" | "fold" | "merged";
  readonly label: string;
  detail: string; // a type, or how often
  readonly type: string; // of a module; of an op its name
  shape: number; // equal for items that do the same
  readonly module: number;
  readonly at: number; // position of an op, or of a backward node alone
  readonly nodes: number[]; // positions of an op's backward nodes, outermost ones
  readonly nodeCount: number; // with those inside
  firstNode: number; // position; none: it has no backward side
  readonly order: number; // when it began
  readonly forward: Amounts;
  readonly backward: Amounts;
  readonly parameters: number; // children included
  hasForward: boolean;
  isForeign: boolean; // stands in a module whose it is not
  threw: boolean; // it, or what is inside, ended by an exception
  parent: Item | null;
  children: Item[];
}

// Several: a module, a group, or what is folded or merged.
export type GroupItem = { -readonly [key in keyof Item]: Item[key] };

function newAmounts(): Amounts {
  return { ns: 0, flops: 0, bytes: 0 };
}

// Shared by all that have none: there may be hundreds of thousands.
const noItems: Item[] = [], noNodes: number[] = [];

export function newItem(kind: Item["kind"], key: string, label: string, parent: Item | null): GroupItem {
  const item: GroupItem = { id: none, key, kind, label, detail: "", type: "", shape: 0, module: none, at: none,
                       nodes: noNodes, nodeCount: 0, firstNode: none, order: Infinity, forward: newAmounts(),
                       backward: newAmounts(), parameters: 0, hasForward: false, isForeign: false, threw: false,
                       parent, children: noItems };
  if (parent) addTo(parent, item);
  return item;
}

function addTo(parent: Item, item: Item): void {
  if (parent.children === noItems) parent.children = [item];
  else parent.children.push(item);
}

// An op, of which a step may have hundreds of thousands: what follows from the
// source is looked up there.
export class OpItem implements Item {
  id = none;
  readonly kind = "op";
  detail = "";
  shape = 0;
  firstNode = none;
  hasForward = true;
  isForeign = false;
  threw = false;
  children = noItems;
  readonly parameters = 0;
  private moreNodes = noNodes;
  private readonly index: number; // in the item that it was made in
  private readonly home: Item;

  constructor(readonly label: string, readonly at: number, readonly module: number, public parent: Item,
              private source: Source) {
    this.index = parent.children.length;
    this.home = parent;
    addTo(parent, this);
  }

  get key(): string { return `${this.home.key}/${this.index}`; }
  get type(): string { return this.label; }
  get order(): number { return this.at; }

  addNode(node: number): void {
    if (this.firstNode === none) this.firstNode = node;
    else if (this.moreNodes === noNodes) this.moreNodes = [node];
    else this.moreNodes.push(node);
  }

  get nodeCount(): number {
    return this.firstNode === none ? 0 : 1 + this.moreNodes.length;
  }

  get nodes(): number[] {
    return this.firstNode === none ? noNodes : [this.firstNode, ...this.moreNodes];
  }

  get forward(): Amounts {
    const sum = newAmounts();
    this.addTo(sum, newAmounts());
    return sum;
  }

  get backward(): Amounts {
    const sum = newAmounts();
    this.addTo(newAmounts(), sum);
    return sum;
  }

  addTo(forward: Amounts, backward: Amounts): void {
    if (this.hasForward) this.addAt(this.at, forward);
    // One that is inside of a backward node and made none itself.
    else if (this.firstNode === none) this.addAt(this.at, backward);
    if (this.firstNode !== none) this.addAt(this.firstNode, backward);
    for (const node of this.moreNodes) this.addAt(node, backward);
  }

  private addAt(at: number, sum: Amounts): void {
    const { ns, flops, bytes } = this.source;
    sum.ns += ns[at];
    sum.flops += flops[at];
    sum.bytes += bytes[at];
  }
}

export function add(sum: Amounts, more: Amounts): void {
  sum.ns += more.ns;
  sum.flops += more.flops;
  sum.bytes += more.bytes;
}

// Makes an item the sum of its children.
export function sumUp(item: GroupItem): void {
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
    if (child instanceof OpItem) child.addTo(item.forward, item.backward);
    else {
      add(item.forward, child.forward);
      add(item.backward, child.backward);
    }
  }
}

// One item for several that stand side by side in `parent`.
export function sumOf(items: Item[], kind: Item["kind"], key: string, label: string, parent: Item): GroupItem {
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
