// A step as a tree of items: modules, their ops, and the ops inside of ops. An
// item has both sides: what ran forward, and the backward nodes that it made.

import { shortName, typeName } from "./dom";
import { foldRepeats } from "./graph_fold";
import { Run, none } from "./run";
import { spanFlops } from "./work";

export interface Item {
  key: string; // the same in every step
  kind: "module" | "op" | "group" | "fold";
  label: string;
  detail: string; // a type, or how often
  shape: string; // equal for items that do the same
  module: number;
  span: number; // of an op, or of a backward node alone
  backward: number[]; // backward nodes, outermost ones
  order: number; // when it began
  forwardNs: number;
  backwardNs: number;
  forwardFlops: number; // as far as they are known
  backwardFlops: number;
  hasForward: boolean;
  parent: Item | null;
  children: Item[];
}

export interface GraphModel {
  root: Item;
  itemOf: Map<number, Item>; // by the spans that are items' own
}

function newItem(kind: Item["kind"], key: string, label: string, parent: Item | null): Item {
  const item: Item = { key, kind, label, detail: "", shape: "", module: none, span: none, backward: [],
                       order: Infinity, forwardNs: 0, backwardNs: 0, forwardFlops: 0, backwardFlops: 0,
                       hasForward: false, parent, children: [] };
  parent?.children.push(item);
  return item;
}

// A group of one is that one.
function unwrapped(item: Item, parent: Item): Item {
  if (item.kind !== "group" || item.children.length !== 1) return item;
  item.children[0].parent = parent;
  return item.children[0];
}

class Builder {
  private modules = new Map<number, Item>();
  private itemOf = new Map<number, Item>();
  private root = newItem("group", "", "step", null);
  private runs = 0;
  private flops: Float64Array; // of the step's spans, with all that is inside

  constructor(private run: Run, private step: number, private level: number) {
    const [from, to] = run.spansOfStep(step);
    this.flops = new Float64Array(to - from);
    for (let i = to - 1; i >= from; --i) {
      this.flops[i - from] += spanFlops(run, i) ?? 0;
      const parent = run.spans.parent[i];
      if (parent >= from) this.flops[parent - from] += this.flops[i - from];
    }
  }

  private flopsOf(span: number): number {
    return this.flops[span - this.run.spansOfStep(this.step)[0]];
  }

  build(): GraphModel {
    const { spans } = this.run;
    const [from, to] = this.run.spansOfStep(this.step);
    const outer: number[] = [], nodes: number[] = [];
    for (let i = from; i < to; ++i) {
      if (spans.nested[i]) continue;
      const { kind } = this.run.operator(i);
      if (kind === "backward" || (kind === "op" && spans.backward[i])) nodes.push(i);
      else if (kind === "op") outer.push(i);
    }
    this.addForward(outer, nodes.length ? nodes[0] : to);
    const inside = this.insideOf(from, to);
    for (const item of [...this.itemOf.values()]) this.addInside(item, inside);
    for (const node of nodes) this.addNode(node, from);
    this.finish(this.root);
    return { root: this.root, itemOf: this.itemOf };
  }

  // The ops directly inside of each op.
  private insideOf(from: number, to: number): Map<number, number[]> {
    const inside = new Map<number, number[]>();
    const { parent } = this.run.spans;
    for (let i = from; i < to; ++i) {
      if (!this.run.spans.nested[i] || parent[i] < from || this.run.operator(i).kind !== "op") continue;
      const list = inside.get(parent[i]);
      if (list) list.push(i);
      else inside.set(parent[i], [i]);
    }
    return inside;
  }

  private isShown(span: number): boolean {
    return this.run.operator(span).level >= this.level;
  }

  // Ops of no known module are put between the modules that ran before and
  // after them; those after the backward pass began are apart.
  private addForward(outer: number[], firstNode: number): void {
    const { module } = this.run.spans;
    let group: Item | null = null, before = none, isAfter = false;
    outer.forEach((span, index) => {
      if (!isAfter && span > firstNode) [isAfter, group] = [true, null];
      if (module[span] !== none) {
        before = module[span];
        group = null;
        this.addOp(span, this.moduleItem(module[span]));
        return;
      }
      if (!this.isShown(span)) return;
      if (!group) {
        if (isAfter) {
          group = newItem("group", "after", "after the backward pass", this.root);
        } else {
          let next = index;
          while (next < outer.length && module[outer[next]] === none) ++next;
          const after = next < outer.length && outer[next] < firstNode ? module[outer[next]] : none;
          const common = this.commonModule(before, after);
          const place = common === none ? this.root : this.moduleItem(common);
          group = newItem("group", `${place.key}/run${this.runs++}`, "ops of no module", place);
        }
      }
      this.addOp(span, group);
    });
  }

  private commonModule(a: number, b: number): number {
    while (a !== none && !(b !== none && this.run.isInModule(b, a))) a = this.run.facts.modules[a].parent;
    return b === none ? none : a;
  }

  private moduleItem(module: number): Item {
    const known = this.modules.get(module);
    if (known) return known;
    const { path, type, parent } = this.run.facts.modules[module];
    const above = parent === none ? this.root : this.moduleItem(parent);
    const outer = parent === none ? "" : `${this.run.facts.modules[parent].path}.`;
    const label = path.startsWith(outer) ? path.slice(outer.length) : path;
    const item = newItem("module", path, label, above);
    item.module = module;
    item.detail = typeName(type);
    this.modules.set(module, item);
    return item;
  }

  private addOp(span: number, place: Item): Item {
    const { spans } = this.run;
    const key = `${place.key}/${place.children.length}`;
    const item = newItem("op", key, shortName(this.run.operator(span).name), place);
    item.span = span;
    item.module = spans.module[span];
    item.order = spans.start[span];
    item.hasForward = !spans.backward[span];
    const duration = spans.end[span] - spans.start[span];
    if (!Number.isNaN(duration)) item[item.hasForward ? "forwardNs" : "backwardNs"] = duration;
    item[item.hasForward ? "forwardFlops" : "backwardFlops"] = this.flopsOf(span);
    this.itemOf.set(span, item);
    return item;
  }

  private addInside(item: Item, inside: Map<number, number[]>): void {
    for (const span of inside.get(item.span) ?? []) this.addInside(this.addOp(span, item), inside);
  }

  // A backward node is on the other side of the op that made it; one that none
  // made is beside the modules.
  private addNode(node: number, from: number): void {
    const { spans } = this.run;
    const maker = spans.forward[node] >= from ? this.itemOf.get(spans.forward[node]) : undefined;
    const duration = spans.end[node] - spans.start[node];
    const ns = Number.isNaN(duration) ? 0 : duration;
    if (maker) {
      maker.backward.push(node);
      for (let up: Item = maker; up.kind === "op" && up.parent; up = up.parent) {
        up.backwardNs += ns;
        up.backwardFlops += this.flopsOf(node);
        if (up !== maker) up.backward.push(node);
      }
      this.itemOf.set(node, maker);
      return;
    }
    if (!this.isShown(node)) return;
    const module = spans.module[node];
    const item = this.addOp(node, module === none ? this.gradients() : this.moduleItem(module));
    item.backward.push(node);
    item.hasForward = false;
    item.forwardNs = item.forwardFlops = 0;
    item.backwardNs = ns;
    item.backwardFlops = this.flopsOf(node);
  }

  private gradients(): Item {
    return this.root.children.find(({ key }) => key === "gradients") ??
      newItem("group", "gradients", "nodes of no op", this.root);
  }

  // Sums, and what is hidden or folded.
  private finish(item: Item): void {
    if (item.kind !== "op") {
      for (const child of item.children) this.finish(child);
      item.forwardNs = item.children.reduce((sum, child) => sum + child.forwardNs, 0);
      item.backwardNs = item.children.reduce((sum, child) => sum + child.backwardNs, 0);
      item.forwardFlops = item.children.reduce((sum, child) => sum + child.forwardFlops, 0);
      item.backwardFlops = item.children.reduce((sum, child) => sum + child.backwardFlops, 0);
      item.hasForward = item.children.some(({ hasForward }) => hasForward);
      item.backward = item.children.flatMap(({ backward }) => backward);
      item.order = item.children.reduce((first, { order }) => Math.min(first, order), Infinity);
      if (item.module !== none && item.kind === "module") {
        item.children = item.children.filter((child) => child.kind !== "op" || this.isShown(child.span));
      }
      item.children = item.children.map((child) => unwrapped(child, item));
      item.children.sort((a, b) => a.order - b.order);
    } else {
      for (const child of item.children) this.finish(child);
      item.children = item.children.filter((child) => this.isShown(child.span));
      if (this.level > 0) item.children = [];
    }
    item.shape = `${item.kind === "module" ? item.detail : item.kind === "op" ? item.label : ""}` +
      `(${item.children.map(({ shape }) => shape).join()})`;
    item.children = foldRepeats(item);
    if (item.kind === "group" && item.parent) item.detail = `${this.opsIn(item)} ops`;
  }

  private opsIn(item: Item): number {
    return item.kind === "op" ? 1 : item.children.reduce((sum, child) => sum + this.opsIn(child), 0);
  }
}

// Without the ops that are hidden at `level`: README.md ("Levels").
export function buildGraph(run: Run, step: number, level: number): GraphModel {
  return new Builder(run, step, level).build();
}
