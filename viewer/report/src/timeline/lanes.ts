// The rows of the timeline: one for each depth of each thread, and of each
// stream of a device.

import { Run, none } from "../run/run";

export const rowHeight = 18;

// What is drawn in a row, in the order of time. Entries do not overlap.
export interface Lane {
  thread: number; // none: of a device
  stream: number; // none: of a thread
  depth: number;
  y: number;
  entries: Int32Array; // spans, or times of a device
  from: Float64Array; // of each entry
  to: Float64Array; // as `from` where nobody knows
  span: Int32Array | null; // of the times of a device: whose they are
}

// Rows of one thread or stream.
export interface LaneGroup {
  name: string;
  errorNs: number | null; // how far its times may be off; null: they are the host's
  y: number;
  rows: number;
}

// The position of the first entry that ends at a time or after it, from `low` on:
// first near there, since neighbours are asked for one after the other.
export function firstAfter({ to }: Lane, at: number, low = 0): number {
  let step = 1, high = low;
  while (high < to.length && to[high] < at) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = Math.min(high, to.length);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (to[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The span that an entry is about, or none.
export function spanOf(lane: Lane, entry: number): number {
  return lane.span ? lane.span[entry] : entry;
}

export class Lanes {
  readonly lanes: Lane[] = [];
  readonly groups: LaneGroup[] = [];
  height = 0;

  constructor(run: Run) {
    const { spans, devices, facts } = run;
    const threads = new Map<number, number[][]>();
    for (let i = 0; i < spans.count; ++i) put(threads, spans.thread[i], spans.depth[i], i);
    const streams = new Map<number, number[][]>();
    for (let i = 0; i < devices.count; ++i) put(streams, devices.stream[i], devices.depth[i], i);
    for (const [thread, rows] of [...threads].sort((a, b) => a[0] - b[0])) {
      const name = facts.threads.find((each) => each.number === thread)?.name ?? "";
      this.add(`thread ${thread} ${name}`, null, { thread, stream: none, span: null }, rows, spans);
    }
    for (const [index, rows] of [...streams].sort((a, b) => a[0] - b[0])) {
      const { device, stream, error_ns } = facts.device_streams[index];
      this.add(`${device} stream ${stream}`, error_ns, { thread: none, stream: index, span: devices.span }, rows, devices);
    }
  }

  private add(name: string, errorNs: number | null, of: Pick<Lane, "thread" | "stream" | "span">, rows: number[][],
              times: { start: Float64Array; end: Float64Array }): void {
    this.groups.push({ name, errorNs, y: this.height, rows: rows.length });
    rows.forEach((numbers, depth) => {
      const entries = Int32Array.from(numbers);
      const from = Float64Array.from(entries, (i) => times.start[i]);
      const to = Float64Array.from(entries, (i) => (Number.isNaN(times.end[i]) ? times.start[i] : times.end[i]));
      this.lanes.push({ ...of, depth, y: this.height, entries, from, to });
      this.height += rowHeight;
    });
    this.height += 8;
  }

  // The row of a span in its thread.
  of(thread: number, depth: number): Lane | undefined {
    return this.lanes.find((lane) => lane.thread === thread && lane.depth === depth);
  }

  // The row of a time of a device.
  ofDevice(stream: number, depth: number): Lane | undefined {
    return this.lanes.find((lane) => lane.stream === stream && lane.depth === depth);
  }

  at(y: number): Lane | undefined {
    return this.lanes.find((lane) => y >= lane.y && y < lane.y + rowHeight);
  }
}

function put(by: Map<number, number[][]>, key: number, depth: number, entry: number): void {
  let rows = by.get(key);
  if (!rows) by.set(key, (rows = []));
  while (rows.length <= depth) rows.push([]);
  rows[depth].push(entry);
}

const known = new WeakMap<Run, Lanes>();

// All timelines show the same.
export function lanesOf(run: Run): Lanes {
  let lanes = known.get(run);
  if (!lanes) known.set(run, (lanes = new Lanes(run)));
  return lanes;
}
