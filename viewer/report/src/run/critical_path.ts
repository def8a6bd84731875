// The critical path of a step: what, had it been shorter, would have made the
// step shorter. It is found backwards from the end: whatever runs last has
// waited for something, the last of which to be done is before it on the path,
// and so on to the begin of the step. Its parts follow each other without a hole,
// so that they add up to the step. README.md ("Critical path") says who waits for
// whom.

import { Run, none } from "./run";

export type Wait = "begin" | "order" | "data" | "autograd" | "pass" | "join" | "launch" | "stream" | "read back";

export interface Part {
  from: number;
  to: number;
  span: number; // none: no op was running on the path
  device: number; // a time of run.devices; none: on the host
  waitedFor: Wait; // what let it begin
}

// What is before something on the path: until when, and why it is waited for.
interface Before {
  span: number;
  device: number;
  end: number;
  wait: Wait;
}

// Ops that give a value of a device to the host, for which the host waits.
const readsBack = new Set(["aten::_local_scalar_dense", "aten::nonzero", "aten::equal"]);

// Of a step: streams whose times may be farther off have no part in its path.
export const mostError = 0.05;

const joinable = (kind: string) => kind === "op" || kind === "backward";

class Step {
  readonly begin: number;
  readonly end: number;
  private first: number;
  private last: number;
  private units = new Map<number, number[]>(); // by thread, in the order of time
  private position = new Map<number, number>(); // of a unit in its thread
  private devices: number[] = []; // in the order of their ends
  private beforeInStream = new Map<number, number>(); // of a device time

  constructor(private run: Run, step: number) {
    [this.begin, this.end] = run.stepRange(step);
    [this.first, this.last] = run.spansOfStep(step);
    const { spans } = run;
    for (let i = this.first; i < this.last; ++i) {
      if (spans.nested[i] || !joinable(run.operator(i).kind) || !(spans.end[i] <= this.end)) continue;
      let thread = this.units.get(spans.thread[i]);
      if (!thread) this.units.set(spans.thread[i], (thread = []));
      this.position.set(i, thread.length);
      thread.push(i);
    }
    this.addDevices();
  }

  private addDevices(): void {
    const { devices, facts } = this.run;
    const last = new Map<number, number>(); // by stream
    const tooFar = facts.device_streams.map(({ error_ns }) => error_ns > mostError * (this.end - this.begin));
    for (let i = 0; i < devices.count; ++i) {
      if (devices.activity[i] !== none) continue;
      const unit = devices.span[i] === none ? none : this.unitOf(devices.span[i]);
      if (unit === none || !devices.inner[i] || !joinable(this.run.operator(devices.span[i]).kind)) continue;
      if (devices.end[i] > this.end || tooFar[devices.stream[i]]) continue;
      this.devices.push(i);
      this.beforeInStream.set(i, last.get(devices.stream[i]) ?? none);
      last.set(devices.stream[i], i);
    }
    this.devices.sort((a, b) => devices.end[a] - devices.end[b]);
  }

  // The outermost op or backward node that a span is in; none if it is in none
  // of this step.
  private unitOf(span: number): number {
    while (span >= this.first && span < this.last) {
      if (this.position.has(span)) return span;
      span = this.run.spans.parent[span];
    }
    return none;
  }

  // The last unit of a thread that ended until a time.
  private lastUntil(thread: number, at: number): number {
    const units = this.units.get(thread) ?? [];
    const { end } = this.run.spans;
    let low = 0, high = units.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (end[units[middle]] <= at) low = middle + 1;
      else high = middle;
    }
    return low > 0 ? units[low - 1] : none;
  }

  lastOfAll(): Before {
    const { spans, devices } = this.run;
    let last: Before = { span: none, device: none, end: this.begin, wait: "begin" };
    for (const thread of this.units.keys()) {
      const span = this.lastUntil(thread, this.end);
      if (span !== none && spans.end[span] > last.end) last = { span, device: none, end: spans.end[span], wait: "order" };
    }
    const device = this.devices[this.devices.length - 1];
    if (device !== undefined && devices.end[device] > last.end) {
      last = { span: devices.span[device], device, end: devices.end[device], wait: "stream" };
    }
    return last;
  }

  before(part: Before): Before {
    return part.device === none ? this.beforeUnit(part.span, part.end) : this.beforeDevice(part.device);
  }

  // The device begins when the stream is free and the host has asked for it.
  private beforeDevice(device: number): Before {
    const { devices, spans } = this.run;
    const start = devices.start[device], asked = devices.span[device];
    const launch: Before = { span: this.unitOf(asked), device: none, end: Math.min(spans.start[asked], start), wait: "launch" };
    const before = this.beforeInStream.get(device)!;
    if (before === none || devices.end[before] > start || devices.end[before] <= launch.end) return launch;
    return { span: devices.span[before], device: before, end: devices.end[before], wait: "stream" };
  }

  private beforeUnit(unit: number, until: number): Before {
    const { spans } = this.run;
    const start = spans.start[unit];
    let best: Before = { span: none, device: none, end: this.begin, wait: "begin" };
    const offer = (span: number, wait: Wait) => {
      if (span === none || span === unit || !(spans.end[span] <= start)) return;
      const better = spans.end[span] - best.end;
      if (better > 0 || best.span === none) best = { span, device: none, end: spans.end[span], wait };
    };
    const thread = spans.thread[unit];
    const previous = this.units.get(thread)![this.position.get(unit)! - 1] ?? none;
    offer(previous, "order");
    if (spans.backward[unit]) this.offerForward(unit, offer);
    else this.offerJoin(unit, previous, offer);
    let readBack = false;
    for (let i = unit; i < this.last && spans.start[i] <= until; ++i) {
      if (i !== unit && this.unitOf(i) !== unit) continue;
      readBack = readBack || readsBack.has(this.run.operator(i).name);
      for (let edge = spans.edges[i]; edge < spans.edges[i + 1]; ++edge) offer(this.unitOf(spans.edgeFrom[edge]), "data");
    }
    return readBack ? this.orReadBack(unit, until, best) : best;
  }

  private offerForward(unit: number, offer: (span: number, wait: Wait) => void): void {
    const { spans } = this.run;
    const forward = spans.forward[unit] === none ? none : this.unitOf(spans.forward[unit]);
    if (forward === none) return;
    offer(forward, "autograd");
    if (spans.thread[forward] !== spans.thread[unit]) {
      offer(this.lastUntil(spans.thread[forward], spans.start[unit]), "pass");
    }
  }

  // A thread at which backward nodes of others ran has waited for them.
  private offerJoin(unit: number, previous: number, offer: (span: number, wait: Wait) => void): void {
    const { spans } = this.run;
    const idleFrom = previous === none ? this.begin : spans.end[previous];
    for (const other of this.units.keys()) {
      const node = this.lastUntil(other, spans.start[unit]);
      if (other !== spans.thread[unit] && node !== none && spans.backward[node] && spans.end[node] > idleFrom) offer(node, "join");
    }
  }

  // Or the last device time that ended while the op was waiting for it.
  private orReadBack(unit: number, until: number, best: Before): Before {
    const { devices, spans } = this.run;
    for (let i = this.devices.length - 1; i >= 0; --i) {
      const device = this.devices[i];
      if (devices.end[device] > until || devices.start[device] >= until) continue;
      if (devices.end[device] <= Math.max(best.end, spans.start[unit])) break;
      return { span: devices.span[device], device, end: devices.end[device], wait: "read back" };
    }
    return best;
  }
}

export interface CriticalPath {
  parts: Part[]; // in the order of time
  opNs: number; // of ops outside of the backward pass
  backwardNs: number;
  deviceNs: number;
  betweenNs: number; // no op was running on the path
  besideNs: number; // of ops that ran beside the path
}

function sumUp(run: Run, step: number, parts: Part[]): CriticalPath {
  const sums = { parts, opNs: 0, backwardNs: 0, deviceNs: 0, betweenNs: 0, besideNs: 0 };
  const { spans } = run;
  const [from, to] = run.spansOfStep(step);
  for (const { from: start, to: end, span, device } of parts) {
    if (span === none) sums.betweenNs += end - start;
    else if (device !== none) sums.deviceNs += end - start;
    else if (spans.backward[span]) sums.backwardNs += end - start;
    else sums.opNs += end - start;
  }
  for (let i = from; i < to; ++i) {
    if (spans.nested[i] || !joinable(run.operator(i).kind) || Number.isNaN(spans.end[i])) continue;
    sums.besideNs += spans.end[i] - spans.start[i];
  }
  sums.besideNs -= sums.opNs + sums.backwardNs;
  return sums;
}

function find(run: Run, number: number): CriticalPath {
  const step = new Step(run, number);
  const parts: Part[] = [];
  let until = step.end;
  let part = step.lastOfAll();
  const between = (from: number, waitedFor: Wait) => {
    if (from < until) parts.push({ from, to: until, span: none, device: none, waitedFor });
    until = Math.min(until, from);
  };
  between(part.end, part.wait);
  const seen = new Set<string>();
  while (part.span !== none) {
    const { span, device } = part;
    const key = `${span} ${device} ${until}`;
    if (seen.has(key)) break; // clocks that disagree
    seen.add(key);
    const before = step.before({ ...part, end: until });
    const start = device === none ? run.spans.start[span] : run.devices.start[device];
    const from = Math.max(Math.min(before.wait === "read back" ? before.end : start, until), step.begin);
    if (from < until) parts.push({ from, to: until, span, device, waitedFor: before.wait });
    until = from;
    between(Math.max(before.end, step.begin), before.wait);
    part = before;
  }
  between(step.begin, "begin");
  return sumUp(run, number, parts.reverse());
}

const known = new WeakMap<Run, Map<number, CriticalPath>>();

// Of a step by its index.
export function criticalPath(run: Run, step: number): CriticalPath {
  let ofRun = known.get(run);
  if (!ofRun) known.set(run, (ofRun = new Map()));
  let path = ofRun.get(step);
  if (!path) ofRun.set(step, (path = find(run, step)));
  return path;
}
