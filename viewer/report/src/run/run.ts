// The recorded run: spans, allocations, steps and the tables they point into.

import { DeviceTimes, decodeDevices } from "./devices";
import { Columns, Facts, ModuleTotal, Operator, Summary } from "./data";

export const none = -1;

// Columns by span, in the order in which they began. Times are ns since the
// start of the run; an index that points nowhere is `none`.
export interface Spans {
  count: number;
  start: Float64Array;
  end: Float64Array; // NaN: not known
  self: Float64Array; // NaN: not known
  name: Int32Array; // into operators
  thread: Int32Array;
  depth: Int32Array;
  module: Int32Array;
  source: Int32Array; // who told the module: into module_sources
  work: Int32Array; // 0: counted elsewhere, 1: nobody knows, else 2 + index into works
  line: Int32Array;
  inputs: Int32Array; // into texts
  outputs: Int32Array;
  threw: Int32Array;
  parent: Int32Array;
  step: Int32Array; // into steps
  forward: Int32Array; // of a backward node: the op that made it
  nested: Uint8Array; // inside an op or a backward node
  backward: Uint8Array; // is or is inside a backward node
  edges: Int32Array; // count + 1: where its edges begin
  edgeFrom: Int32Array;
  edgeType: Int32Array; // into texts
}

export interface Allocations {
  count: number;
  time: Float64Array;
  end: Float64Array; // Infinity: never freed
  bytes: Float64Array;
  role: Float64Array; // what for, see live.ts
  maker: Int32Array; // into operators
  module: Int32Array;
  span: Int32Array;
  freeSpan: Int32Array;
}

function decodeSpans(columns: Columns): Spans {
  const start = columns.signed("span_start");
  const end = columns.numbers("span_duration");
  const count = start.length;
  const minusOne = (name: string) => columns.integers(name).map((number) => number - 1);
  const forward = columns.integers("span_forward");
  const edgeCounts = columns.integers("span_edges");
  const edges = new Int32Array(count + 1);
  const edgeFrom = columns.integers("edge_from");
  for (let i = 0, last = 0; i < count; ++i) {
    last = start[i] += last;
    end[i] = end[i] === 0 ? NaN : start[i] + end[i] - 1;
    forward[i] = forward[i] === 0 ? none : i - forward[i];
    edges[i + 1] = edges[i] + edgeCounts[i];
    for (let edge = edges[i]; edge < edges[i + 1]; ++edge) edgeFrom[edge] = i - edgeFrom[edge];
  }
  return {
    count, start, end, forward, edges, edgeFrom,
    name: columns.integers("span_name"), thread: columns.integers("span_thread"),
    depth: columns.integers("span_depth"), module: minusOne("span_module"),
    source: columns.integers("span_source"), work: columns.integers("span_work"),
    line: minusOne("span_line"), inputs: columns.integers("span_inputs"),
    outputs: columns.integers("span_outputs"), threw: columns.integers("span_threw"),
    edgeType: columns.integers("edge_type"),
    self: new Float64Array(count), parent: new Int32Array(count).fill(none),
    step: new Int32Array(count), nested: new Uint8Array(count), backward: new Uint8Array(count),
  };
}

// A span's parent is the last one of its thread that is one level above.
function connect(spans: Spans, operators: Operator[], stepOf: (time: number) => number): void {
  const open = new Map<number, { stack: number[]; size: number }>();
  const isOuter = operators.map(({ kind }) => kind === "op" || kind === "backward");
  const isBackward = operators.map(({ kind }) => Number(kind === "backward" || kind === "engine"));
  const { depth, parent, start, end, self, name, nested, backward } = spans;
  for (let i = 0; i < spans.count; ++i) {
    let thread = open.get(spans.thread[i]);
    if (!thread) open.set(spans.thread[i], (thread = { stack: [], size: 0 }));
    const { stack } = thread;
    // Those between are not in the page.
    for (let gap = thread.size; gap < depth[i]; ++gap) stack[gap] = none;
    const above = depth[i] > 0 ? stack[depth[i] - 1] : none;
    stack[depth[i]] = i;
    thread.size = depth[i] + 1;
    parent[i] = above;
    spans.step[i] = stepOf(start[i]);
    self[i] = end[i] - start[i];
    backward[i] = isBackward[name[i]];
    if (above === none) continue;
    if (nested[above] || isOuter[name[above]]) nested[i] = 1;
    backward[i] |= backward[above];
    if (!Number.isNaN(end[i])) self[above] -= end[i] - start[i];
  }
}

function decodeAllocations(columns: Columns): Allocations {
  const time = columns.numbers("alloc_time");
  const end = columns.numbers("alloc_lifetime");
  const span = Int32Array.from(columns.signed("alloc_span"));
  const freeSpan = Int32Array.from(columns.signed("alloc_free_span"));
  for (let i = 0; i < time.length; ++i) {
    if (i > 0) time[i] += time[i - 1];
    if (i > 0) span[i] += span[i - 1];
    freeSpan[i] += span[i];
    end[i] = end[i] === 0 ? Infinity : time[i] + end[i] - 1;
  }
  const minusOne = (name: string) => columns.integers(name).map((number) => number - 1);
  return {
    count: time.length, time, end, span, freeSpan, bytes: columns.numbers("alloc_bytes"),
    role: columns.numbers("alloc_role"),
    maker: minusOne("alloc_maker"), module: minusOne("alloc_module"),
  };
}

export class Run {
  readonly spans: Spans;
  readonly allocations: Allocations;
  readonly devices: DeviceTimes;
  readonly summary: Summary;
  readonly values: { name: Int32Array; step: Float64Array; number: Float64Array };
  readonly corrections: { time: Float64Array; bytes: Float64Array };
  readonly peaks: Map<number, number>; // most live bytes, by the step's number
  private readonly keptSteps: Set<number> | null; // numbers
  readonly moduleIndex = new Map<string, number>();
  readonly moduleChildren: number[][];
  readonly moduleTotals: ModuleTotal[]; // by index
  readonly outermostNs: number; // time of all outermost ops and backward nodes

  constructor(readonly facts: Facts, columns: Columns) {
    this.summary = facts.summary;
    this.keptSteps = facts.kept.steps && new Set(facts.kept.steps);
    this.spans = decodeSpans(columns);
    connect(this.spans, facts.operators, (time) => this.stepAt(time));
    this.allocations = decodeAllocations(columns);
    this.devices = decodeDevices(columns);
    this.values = { name: columns.integers("value_name"), step: columns.numbers("value_step"),
                    number: columns.reals("value_number") };
    this.corrections = { time: columns.numbers("correction_time"),
                         bytes: columns.signed("correction_bytes") };
    const bytes = columns.numbers("peak_bytes");
    this.peaks = new Map([...columns.numbers("peak_step")].map((step, i) => [step, bytes[i]]));
    const byPath = new Map(facts.summary.modules.map((total) => [total.path, total]));
    this.moduleTotals = facts.modules.map(({ path }) => byPath.get(path)!);
    const { unattributed, optimizer, modules } = facts.summary;
    this.outermostNs = modules.reduce((sum, total) => sum + total.self_forward_ns + total.self_backward_ns,
      optimizer.time_ns + (unattributed.forward_ns ?? 0) + (unattributed.backward_ns ?? 0));
    this.moduleChildren = facts.modules.map(() => []);
    facts.modules.forEach((module, i) => {
      this.moduleIndex.set(module.path, i);
      if (module.parent !== none) this.moduleChildren[module.parent].push(i);
    });
  }

  // The index of the step that runs at a time.
  stepAt(time: number): number {
    const { steps } = this.summary;
    let low = 0, high = steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (steps[middle].start_ns <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  stepIndex(number: number): number {
    return this.summary.steps.findIndex((step) => step.number === number);
  }

  stepRange(index: number): [from: number, to: number] {
    const step = this.summary.steps[index];
    if (!step) return [0, this.facts.end_ns];
    const to = step.duration_ns === null ? this.facts.end_ns : step.start_ns + step.duration_ns;
    return [step.start_ns, Math.max(to, step.start_ns + 1)];
  }

  // Whether the page has the step's events.
  isKept(index: number): boolean {
    const step = this.summary.steps[index];
    return !!step && step.recorded && (this.keptSteps === null || this.keptSteps.has(step.number));
  }

  // The spans that began in a step: [from, to).
  spansOfStep(index: number): [from: number, to: number] {
    const { step, count } = this.spans;
    const first = (wanted: number) => {
      let low = 0, high = count;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (step[middle] < wanted) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return [first(index), first(index + 1)];
  }

  operator(span: number): Operator {
    return this.facts.operators[this.spans.name[span]];
  }

  isInModule(module: number, ancestor: number): boolean {
    while (module !== none && module !== ancestor) module = this.facts.modules[module].parent;
    return module !== none;
  }

  modulePath(module: number): string {
    return module === none ? "(no module)" : this.facts.modules[module].path;
  }
}
