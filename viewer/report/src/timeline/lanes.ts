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
  entries: number[]; // spans, or times of a device
  start: Float64Array; // of spans, or times of a device
  end: Float64Array;
  span: Int32Array | null; // of the times of a device: whose they are
}

// Rows of one thread or stream.
export interface LaneGroup {
  name: string;
  errorNs: number | null; // how far its times may be off; null: they are the host's
  y: number;
  rows: number;
}

// The time at which an entry ends: its begin, if nobody knows.
function endOf(lane: Lane, entry: number): number {
  const end = lane.end[entry];
  return Number.isNaN(end) ? lane.start[entry] : end;
}

// The position of the first entry that ends after a time.
export function firstAfter(lane: Lane, at: number): number {
  let low = 0, high = lane.entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endOf(lane, lane.entries[middle]) < at) low = middle + 1;
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
    const threads = new Map<number, Lane[]>();
    for (let i = 0; i < spans.count; ++i) {
      this.put(threads, spans.thread[i], spans.depth[i], i, { thread: spans.thread[i], stream: none, start: spans.start, end: spans.end, span: null });
    }
    const streams = new Map<number, Lane[]>();
    for (let i = 0; i < devices.count; ++i) {
      this.put(streams, devices.stream[i], devices.depth[i], i, { thread: none, stream: devices.stream[i], start: devices.start, end: devices.end, span: devices.span });
    }
    for (const [thread, lanes] of [...threads].sort((a, b) => a[0] - b[0])) {
      const name = facts.threads.find((each) => each.number === thread)?.name ?? "";
      this.add(`thread ${thread} ${name}`, null, lanes);
    }
    for (const [index, lanes] of [...streams].sort((a, b) => a[0] - b[0])) {
      const { device, stream, error_ns } = facts.device_streams[index];
      this.add(`${device} stream ${stream}`, error_ns, lanes);
    }
  }

  private put(by: Map<number, Lane[]>, key: number, depth: number, entry: number,
              source: Pick<Lane, "thread" | "stream" | "start" | "end" | "span">): void {
    let lanes = by.get(key);
    if (!lanes) by.set(key, (lanes = []));
    while (lanes.length <= depth) lanes.push({ ...source, depth: lanes.length, y: 0, entries: [] });
    lanes[depth].entries.push(entry);
  }

  private add(name: string, errorNs: number | null, lanes: Lane[]): void {
    this.groups.push({ name, errorNs, y: this.height, rows: lanes.length });
    for (const lane of lanes) {
      lane.y = this.height;
      this.height += rowHeight;
      this.lanes.push(lane);
    }
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
