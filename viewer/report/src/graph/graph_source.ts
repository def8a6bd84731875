// What a graph is made of: the spans of one step, or of all steps in one
// (graph_union.ts), by position in the order in which they began.

import { firstAt } from "../run/facts";
import { Run, none } from "../run/run";
import type { StepSets } from "../run/step_sets";
import { spanFlops } from "../run/work";

export interface Source {
  count: number;
  span: Int32Array; // one that stands for it
  parent: Int32Array; // a position or none, as all below
  forward: Int32Array; // of a backward node: the op that made it
  ns: Float64Array; // as far as they are known
  flops: Float64Array; // with all that is inside, and so are bytes
  bytes: Float64Array;
  threw: Uint8Array;
  edges: Int32Array; // count + 1: where its edges begin
  edgeFrom: Int32Array;
  edgeType: Int32Array; // into texts
  totalNs: number; // of the step, or of all
  ran: Ran | null; // null: it is one step
  range: [from: number, to: number]; // of the spans that it is made of
  positionOf(span: number): number;
}

// Of all steps in one: in which of them what ran.
export interface Ran {
  sets: StepSets;
  of: Int32Array; // of positions: into sets, as is the other
  edges: Int32Array;
  steps: number; // how many there are
}

// Bytes that were allocated inside of each span of [from, to).
function bytesInside(run: Run, from: number, to: number, start: number, end: number): Float64Array {
  const inside = new Float64Array(to - from);
  const { time, span, bytes } = run.allocations;
  for (let i = firstAt(time, start); i < time.length && time[i] < end; ++i) {
    if (span[i] >= from && span[i] < to) inside[span[i] - from] += bytes[i];
  }
  return inside;
}

export function sourceOfStep(run: Run, step: number): Source {
  const { spans } = run;
  const [from, to] = run.spansOfStep(step);
  const count = to - from;
  const local = (column: Int32Array) => column.subarray(from, to).map((span) => (span >= from ? span - from : none));
  const parent = local(spans.parent);
  const [start, end] = run.stepRange(step);
  const ns = new Float64Array(count), flops = new Float64Array(count);
  const bytes = bytesInside(run, from, to, start, Math.max(end, spans.end[to - 1] || 0));
  for (let i = count - 1; i >= 0; --i) {
    ns[i] = spans.end[from + i] - spans.start[from + i] || 0;
    flops[i] += spanFlops(run, from + i) ?? 0;
    if (parent[i] === none) continue;
    flops[parent[i]] += flops[i];
    bytes[parent[i]] += bytes[i];
  }
  const first = spans.edges[from], last = spans.edges[to];
  return {
    count, parent, ns, flops, bytes, forward: local(spans.forward),
    span: Int32Array.from({ length: count }, (_, i) => from + i),
    threw: Uint8Array.from(spans.threw.subarray(from, to)),
    edges: spans.edges.subarray(from, to + 1).map((edge) => edge - first),
    edgeFrom: spans.edgeFrom.subarray(first, last).map((span) => (span >= from ? span - from : none)),
    edgeType: spans.edgeType.subarray(first, last),
    totalNs: end - start, ran: null, range: [from, to],
    positionOf: (span) => (span >= from && span < to ? span - from : none),
  };
}
