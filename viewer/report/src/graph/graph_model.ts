// A step as a tree of items: modules, their ops, and the ops inside of ops. An
// item has both sides: what ran forward, and the backward nodes that it made.

import { shortName, typeName } from "../widgets/dom";
import { foldRepeats } from "./graph_fold";
import { GroupItem, Item, OpItem, newItem, sumUp } from "./graph_item";
import { mergeSmall } from "./graph_merge";
import type { Source } from "./graph_source";
import type { Operator } from "../run/data";
import { Run, none } from "../run/run";
import { plural } from "../widgets/units";

export interface GraphModel {
  source: Source;
  root: Item;
  items: Item[]; // by id: those that can be shown
  itemAt: (Item | null)[]; // by position: the item that stands for it; null: it is hidden
  holderAt: (Item | null)[]; // the same, and of what is hidden the item around it
}

export interface Shown {
  level: number; // README.md ("Levels")
  merge: number; // modules with fewer parameters are merged
}

// A group of one is that one.
function unwrapped(item: Item, parent: Item): Item {
  if (item.kind !== "group" || item.children.length !== 1) return item;
  const [child] = item.children;
  child.parent = parent;
  child.isForeign = item.isForeign;
  return child;
}

// A call of a module that has no others inside.
interface Call {
  item: GroupItem;
  number: number;
  span: number; // position of its span; none: it is not in the log
}

class Builder {
  private modules = new Map<number, GroupItem>(); // those of first calls
  private calls = new Map<number, Call>(); // the last one of each
  private own: (OpItem | undefined)[]; // by position
  private root = newItem("group", "", "step", null);
  private shapes = new Map<string, number>();
  private runs = 0;
  private names: string[]; // of operators

  constructor(private run: Run, private source: Source, private shown: Shown) {
    this.own = new Array(source.count);
    this.names = run.facts.operators.map(({ name }) => shortName(name));
  }

  build(): GraphModel {
    const { source } = this;
    const outer: number[] = [], nodes: number[] = [];
    for (let i = 0; i < source.count; ++i) {
      const span = source.span[i];
      if (this.run.spans.nested[span]) continue;
      const { kind } = this.operator(i);
      if (kind === "backward" || (kind === "op" && this.run.spans.backward[span])) nodes.push(i);
      else if (kind === "op") outer.push(i);
    }
    this.addForward(outer, nodes.length ? nodes[0] : source.count);
    // Without what is inside of ops there is nothing to add.
    const inside = this.shown.level > 0 ? new Map<number, number[]>() : this.insideOf();
    for (const position of outer) this.addInside(position, inside);
    for (const node of nodes) this.addNode(node, inside);
    this.finish(this.root);
    return this.number();
  }

  private operator(position: number): Operator {
    return this.run.operator(this.source.span[position]);
  }

  // The ops directly inside of each op.
  private insideOf(): Map<number, number[]> {
    const inside = new Map<number, number[]>();
    const { parent, span, count } = this.source;
    for (let i = 0; i < count; ++i) {
      if (parent[i] === none || !this.run.spans.nested[span[i]] || this.operator(i).kind !== "op") continue;
      const list = inside.get(parent[i]);
      if (list) list.push(i);
      else inside.set(parent[i], [i]);
    }
    return inside;
  }

  private isShown(position: number): boolean {
    return this.operator(position).level >= this.shown.level;
  }

  private moduleOf(position: number): number {
    return this.run.spans.module[this.source.span[position]];
  }

  // Ops of no known module are put between the modules that ran before and
  // after them; those after the backward pass began are apart.
  private addForward(outer: number[], firstNode: number): void {
    let group: GroupItem | null = null, before = none, isAfter = false;
    outer.forEach((position, index) => {
      if (!isAfter && position > firstNode) [isAfter, group] = [true, null];
      const module = this.moduleOf(position);
      if (module !== none) {
        this.addOp(position, this.callItem(module, position, before === module));
        [before, group] = [module, null];
        return;
      }
      group ??= isAfter ? newItem("group", "after", "after the backward pass", this.root)
        : this.foreignGroup(before, this.nextModule(outer, index, firstNode));
      this.addOp(position, group);
    });
  }

  private nextModule(outer: number[], index: number, firstNode: number): number {
    while (index < outer.length && this.moduleOf(outer[index]) === none) ++index;
    return index < outer.length && outer[index] < firstNode ? this.moduleOf(outer[index]) : none;
  }

  private foreignGroup(before: number, after: number): GroupItem {
    const common = this.commonModule(before, after);
    const place = common === none ? this.root : this.moduleItem(common);
    const group = newItem("group", `${place.key}/run${this.runs++}`, "ops of no module", place);
    group.isForeign = true;
    return group;
  }

  private commonModule(a: number, b: number): number {
    while (a !== none && !(b !== none && this.run.isInModule(b, a))) a = this.run.facts.modules[a].parent;
    return b === none ? none : a;
  }

  // A module that is called again is there again, so that data flows down: by
  // the spans of its calls or, without, if another module ran in between.
  private callItem(module: number, position: number, isSame: boolean): GroupItem {
    const first = this.moduleItem(module);
    if (this.run.moduleChildren[module].length > 0) return first;
    const span = this.callOf(module, position), known = this.calls.get(module);
    if (known && (span === none || known.span === none ? isSame : span === known.span)) return known.item;
    const number = known ? known.number + 1 : 1;
    const item = number === 1 ? first
      : newItem("module", `${first.key}#${number}`, `${first.label} #${number}`, first.parent);
    [item.module, item.type, item.detail] = [module, first.type, first.detail];
    this.calls.set(module, { item, number, span });
    return item;
  }

  private callOf(module: number, position: number): number {
    const { parent, span } = this.source;
    const { path } = this.run.facts.modules[module];
    for (let at = parent[position]; at !== none; at = parent[at]) {
      const { kind, name } = this.run.operator(span[at]);
      if (kind === "module" && name === path) return at;
    }
    return none;
  }

  private moduleItem(module: number): GroupItem {
    const known = this.modules.get(module);
    if (known) return known;
    const { path, type, parent } = this.run.facts.modules[module];
    const above = parent === none ? this.root : this.moduleItem(parent);
    const outer = parent === none ? "" : `${this.run.facts.modules[parent].path}.`;
    const label = path.startsWith(outer) ? path.slice(outer.length) : path;
    const item = newItem("module", path, label, above);
    item.module = module;
    item.detail = item.type = typeName(type);
    item.parameters = this.run.moduleTotals[module]?.parameters ?? 0;
    this.modules.set(module, item);
    return item;
  }

  private addOp(position: number, place: Item): OpItem {
    const { spans } = this.run;
    const span = this.source.span[position];
    const item = new OpItem(this.names[spans.name[span]], position, spans.module[span], place, this.source);
    item.hasForward = !spans.backward[span];
    item.threw = this.source.threw[position] > 0;
    this.own[position] = item;
    return item;
  }

  private addInside(position: number, inside: Map<number, number[]>): void {
    for (const each of inside.get(position) ?? []) {
      this.addOp(each, this.own[position]!);
      this.addInside(each, inside);
    }
  }

  // A backward node is on the other side of the op that made it; one that none
  // made is beside the modules.
  private addNode(node: number, inside: Map<number, number[]>): void {
    const { forward, parent } = this.source;
    let at = forward[node];
    while (at !== none && !this.own[at]) at = parent[at];
    const maker = at === none ? undefined : this.own[at];
    if (maker) {
      for (let up: Item = maker; up instanceof OpItem; up = up.parent) {
        up.addNode(node);
        if (this.source.threw[node]) up.threw = true;
      }
      this.own[node] = maker;
      return;
    }
    const module = this.moduleOf(node);
    const item = this.addOp(node, module === none ? this.gradients() : this.moduleItem(module));
    item.addNode(node);
    item.hasForward = false;
    this.addInside(node, inside);
  }

  private gradients(): Item {
    return this.root.children.find(({ key }) => key === "gradients") ??
      newItem("group", "gradients", "nodes of no op", this.root);
  }

  private shapeOf(item: Item): number {
    const name = item.kind === "op" ? item.label : item.kind === "group" ? "" : item.detail;
    if (item.kind === "op" && item.children.length === 0) return this.shapeNamed(item.label);
    return this.shapeNamed(`${item.kind}${name}(${item.children.map(({ shape }) => shape).join()})`);
  }

  private shapeNamed(text: string): number {
    let shape = this.shapes.get(text);
    if (shape === undefined) this.shapes.set(text, (shape = this.shapes.size));
    return shape;
  }

  // Sums, and what is hidden, merged or folded.
  private finish(item: Item): void {
    if (item instanceof OpItem) this.finishOp(item);
    else this.finishGroup(item as GroupItem);
  }

  private finishGroup(item: GroupItem): void {
    for (const child of item.children) this.finish(child);
    sumUp(item);
    const children: Item[] = [];
    for (const child of item.children) {
      if (child.kind === "op" ? !this.isShown(child.at) : child.kind === "group" && child.children.length === 0) continue;
      children.push(unwrapped(child, item));
    }
    item.children = children.sort((a, b) => a.order - b.order);
    item.children = mergeSmall(item, this.shown.merge);
    for (const child of item.children) if (child.kind === "merged") child.shape = this.shapeOf(child);
    item.shape = this.shapeOf(item);
    item.children = foldRepeats(item);
    if (item.kind === "group" && item.parent) item.detail = plural(this.opsIn(item), "op");
  }

  private finishOp(item: OpItem): void {
    for (const child of item.children) this.finish(child);
    item.shape = this.shapeOf(item);
    item.children = foldRepeats(item);
  }

  private opsIn(item: Item): number {
    return item.kind === "op" ? 1 : item.children.reduce((sum, child) => sum + this.opsIn(child), 0);
  }

  private number(): GraphModel {
    const items: Item[] = [];
    const visit = (item: Item) => {
      item.id = items.length;
      items.push(item);
      item.children.forEach(visit);
    };
    visit(this.root);
    const itemAt: (Item | null)[] = [], holderAt: (Item | null)[] = [];
    const { parent, count } = this.source;
    for (let i = 0; i < count; ++i) {
      const own = this.own[i], above = parent[i];
      holderAt.push(own ? placed(own) : above === none ? null : holderAt[above]);
      const isSeen = own && (!this.isHidden(own) || isWhole(holderAt[i]));
      itemAt.push(own ? (isSeen ? holderAt[i] : null) : above === none ? null : itemAt[above]);
    }
    return { source: this.source, root: this.root, items, itemAt, holderAt };
  }

  // What is inside of an op that is shown is a part of it.
  private isHidden(item: OpItem): boolean {
    return item.id === none && !(item.parent instanceof OpItem) && !this.isShown(item.at);
  }
}

// The item that stands for one that is not drawn itself: an op for what is
// inside of it, a module for those that are merged into it.
function placed(item: Item): Item | null {
  let place: Item | null = item;
  while (place && place.id === none) place = place.parent;
  return place;
}

// A module in which nothing is shown stands for all that it does.
function isWhole(item: Item | null): boolean {
  return item?.kind === "module" && item.children.length === 0;
}

export function buildGraph(run: Run, source: Source, shown: Shown): GraphModel {
  return new Builder(run, source, shown).build();
}

// In how many of all steps each item ran, 2/4; "" where in every one.
export function oftenTexts({ source, items, holderAt }: GraphModel): string[] {
  const { sets, of, steps } = source.ran!;
  const all = items.map(() => new Set<number>());
  holderAt.forEach((item, at) => {
    for (let up = item; up && !all[up.id].has(of[at]); up = up.parent) all[up.id].add(of[at]);
  });
  return all.map((each) => sets.count(each)).map((ran) => (ran === steps ? "" : `${ran}/${steps}`));
}
