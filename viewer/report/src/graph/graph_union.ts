// All steps of the page in one: what two steps have in common is there once.
// Steps may differ, by a branch that is not always taken: spans are the same if
// they call the same for the same module from the same line, in the same order
// inside of the same span.

import { align } from "./graph_align";
import { Ran, Source, sourceOfStep } from "./graph_source";
import { Run, none } from "../run/run";
import { StepSets } from "../run/step_sets";

// Steps that have nothing in common could make a graph of any size: beyond so
// many spans no more steps are added, and the page says of how many it is.
const mostSpans = 200000;

interface Node {
  span: number; // the first of them
  token: number;
  children: Node[];
  order: number; // among those that are inside of nothing
  set: number;
  ns: number; flops: number; bytes: number;
  threw: boolean;
  at: number; // its position, once all are known
}

interface UnionEdge { from: Node; type: number; set: number }

class Union {
  readonly nodeOf: (Node | undefined)[] = []; // by span
  private roots = new Map<number, Node[]>(); // by thread
  private edges = new Map<Node, Map<Node, UnionEdge>>(); // by reader and maker
  private sets: StepSets;
  private steps = 0;
  private totalNs = 0;
  private count = 0;

  constructor(private run: Run, mostSteps: number) {
    this.sets = new StepSets(mostSteps);
  }

  get isFull(): boolean {
    return this.count > mostSpans;
  }

  addStep(step: number): void {
    const source = sourceOfStep(this.run, step);
    const [from] = source.range;
    const children: number[][] = [], roots = new Map<number, number[]>();
    for (let i = 0; i < source.count; ++i) {
      const parent = source.parent[i];
      if (parent !== none) (children[parent] ??= []).push(i);
      else {
        const thread = this.run.spans.thread[from + i];
        if (!roots.has(thread)) roots.set(thread, []);
        roots.get(thread)!.push(i);
      }
    }
    for (const [thread, list] of roots) {
      if (!this.roots.has(thread)) this.roots.set(thread, []);
      this.join(this.roots.get(thread)!, list, source, children);
    }
    this.addEdges(source);
    this.totalNs += source.totalNs;
    ++this.steps;
  }

  // What it calls, for whom, and from where.
  private tokenOf(span: number): number {
    const { spans, facts } = this.run;
    return ((spans.name[span] * (facts.modules.length + 1)) + spans.module[span] + 1) * (facts.lines.length + 1) +
      spans.line[span] + 1;
  }

  private join(known: Node[], fresh: number[], source: Source, children: number[][]): void {
    const tokens = fresh.map((position) => this.tokenOf(source.span[position]));
    const partners = align(known.map(({ token }) => token), tokens);
    const merged: Node[] = [];
    let next = 0;
    fresh.forEach((position, i) => {
      if (partners[i] !== none) {
        while (next <= partners[i]) merged.push(known[next++]);
      } else {
        const before = merged.length ? merged[merged.length - 1].order : -1;
        const after = next < known.length ? known[next].order : Math.max(before + 2, position + 1);
        merged.push(this.newNode(source.span[position], tokens[i], known.length ? (before + after) / 2 : position));
      }
      this.note(merged[merged.length - 1], position, source);
    });
    merged.push(...known.slice(next));
    known.splice(0, known.length, ...merged);
    for (const position of fresh) {
      if (children[position]) this.join(this.nodeOf[source.span[position]]!.children, children[position], source, children);
    }
  }

  private newNode(span: number, token: number, order: number): Node {
    ++this.count;
    return { span, token, children: [], order, set: 0, ns: 0, flops: 0, bytes: 0, threw: false, at: none };
  }

  private note(node: Node, position: number, source: Source): void {
    node.set = this.sets.with(node.set, this.steps);
    node.ns += source.ns[position];
    node.flops += source.flops[position];
    node.bytes += source.bytes[position];
    node.threw ||= source.threw[position] > 0;
    this.nodeOf[source.span[position]] = node;
  }

  private addEdges(source: Source): void {
    for (let i = 0; i < source.count; ++i) {
      const reader = this.nodeOf[source.span[i]]!;
      for (let edge = source.edges[i]; edge < source.edges[i + 1]; ++edge) {
        if (source.edgeFrom[edge] === none) continue;
        const maker = this.nodeOf[source.span[source.edgeFrom[edge]]]!;
        let makers = this.edges.get(reader);
        if (!makers) this.edges.set(reader, (makers = new Map()));
        let known = makers.get(maker);
        if (!known) makers.set(maker, (known = { from: maker, type: source.edgeType[edge], set: 0 }));
        known.set = this.sets.with(known.set, this.steps);
      }
    }
  }

  finish(): Source {
    const nodes: Node[] = [], parent: number[] = [];
    const visit = (node: Node, above: number) => {
      node.at = nodes.length;
      nodes.push(node);
      parent.push(above);
      for (const child of node.children) visit(child, node.at);
    };
    [...this.roots.values()].flat().sort((a, b) => a.order - b.order).forEach((node) => visit(node, none));
    const edges = [0], edgeFrom: number[] = [], edgeType: number[] = [], edgeSets: number[] = [];
    for (const node of nodes) {
      for (const { from, type, set } of this.edges.get(node)?.values() ?? []) {
        edgeFrom.push(from.at);
        edgeType.push(type);
        edgeSets.push(set);
      }
      edges.push(edgeFrom.length);
    }
    const ran: Ran = { sets: this.sets, of: Int32Array.from(nodes, ({ set }) => set),
                       edges: Int32Array.from(edgeSets), steps: this.steps };
    const { forward, count } = this.run.spans;
    return {
      count: nodes.length, span: Int32Array.from(nodes, ({ span }) => span), parent: Int32Array.from(parent),
      forward: Int32Array.from(nodes, ({ span }) => this.nodeOf[forward[span]]?.at ?? none),
      ns: Float64Array.from(nodes, ({ ns }) => ns), flops: Float64Array.from(nodes, ({ flops }) => flops),
      bytes: Float64Array.from(nodes, ({ bytes }) => bytes),
      threw: Uint8Array.from(nodes, ({ threw }) => Number(threw)),
      edges: Int32Array.from(edges), edgeFrom: Int32Array.from(edgeFrom), edgeType: Int32Array.from(edgeType),
      totalNs: this.totalNs, ran, range: [0, count],
      positionOf: (span) => this.nodeOf[span]?.at ?? none,
    };
  }
}

// The steps of the page in which anything ran.
export function stepsWithSpans(run: Run): number[] {
  return run.summary.steps.map((_, i) => i).filter((i) => {
    const [from, to] = run.spansOfStep(i);
    return to > from && run.isKept(i);
  });
}

export function sourceOfAll(run: Run): Source {
  const steps = stepsWithSpans(run);
  const union = new Union(run, steps.length);
  for (const step of steps) if (!union.isFull) union.addStep(step);
  return union.finish();
}
