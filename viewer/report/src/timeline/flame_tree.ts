// The time of a step by module: of each module the ops and backward nodes that
// work for it, and the modules inside of it. Sums of outermost spans of all
// threads, so that the parts of a box add up to it.

import { Run, none } from "../run/run";

export interface FlameNode {
  key: string; // of its path from the root
  name: string;
  module: number; // none: the step, or what is of no module
  operator: number; // none: a module, or the step
  parent: FlameNode | null;
  forwardNs: number;
  backwardNs: number;
  spans: number[]; // of an op
  children: FlameNode[]; // in the order in which they first ran
}

export const totalNs = ({ forwardNs, backwardNs }: FlameNode) => forwardNs + backwardNs;

// A child as it was made before, or a new one.
class Builder {
  private nodes = new Map<string, FlameNode>();
  readonly root: FlameNode;

  constructor(private run: Run, name: string) {
    this.root = { key: "", name, module: none, operator: none, parent: null, forwardNs: 0, backwardNs: 0, spans: [], children: [] };
  }

  private child(parent: FlameNode, id: string, name: string, module: number, operator: number): FlameNode {
    const key = `${parent.key}/${id}`;
    let node = this.nodes.get(key);
    if (!node) {
      node = { key, name, module, operator, parent, forwardNs: 0, backwardNs: 0, spans: [], children: [] };
      this.nodes.set(key, node);
      parent.children.push(node);
    }
    return node;
  }

  private ofModule(module: number): FlameNode {
    if (module === none) return this.child(this.root, "none", "(no module)", none, none);
    const { path, parent } = this.run.facts.modules[module];
    const above = parent === none ? this.root : this.ofModule(parent);
    // One of no model is called by another's name: Linear#3 in net.
    const outer = parent === none ? "" : `${this.run.facts.modules[parent].path}.`;
    const name = path.startsWith(outer) ? path.slice(outer.length) : path;
    return this.child(above, `m${module}`, name, module, none);
  }

  add(span: number): void {
    const { spans } = this.run;
    const operator = spans.name[span];
    const leaf = this.child(this.ofModule(spans.module[span]), `o${operator}`, this.run.operator(span).name,
      spans.module[span], operator);
    leaf.spans.push(span);
    const ns = spans.end[span] - spans.start[span];
    for (let node: FlameNode | null = leaf; node; node = node.parent) {
      if (spans.backward[span]) node.backwardNs += ns;
      else node.forwardNs += ns;
    }
  }
}

const known = new WeakMap<Run, { step: number; root: FlameNode }>();

// Of a step by its index.
export function flameOf(run: Run, step: number): FlameNode {
  const last = known.get(run);
  if (last?.step === step) return last.root;
  const builder = new Builder(run, `step ${run.summary.steps[step]?.number ?? ""}`);
  const [from, to] = run.spansOfStep(step);
  for (let i = from; i < to; ++i) {
    const { kind } = run.operator(i);
    if (run.spans.nested[i] || (kind !== "op" && kind !== "backward") || Number.isNaN(run.spans.end[i])) continue;
    builder.add(i);
  }
  known.set(run, { step, root: builder.root });
  return builder.root;
}
