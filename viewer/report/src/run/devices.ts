// What streams of devices did: what they took for spans and whole steps, and
// their activities, which are kernels, copies and memsets.

import { Columns } from "./data";

// In the order of streams, and of a stream in that of time. Times are of the
// host's clock, as far as the stream's error allows.
export interface DeviceTimes {
  count: number;
  stream: Int32Array; // into facts.device_streams
  start: Float64Array;
  end: Float64Array;
  span: Int32Array; // whose it is, or who launched it; none: of a step, or nobody knows
  step: Float64Array; // its number, then
  depth: Int32Array; // by how many times of its stream it is enclosed
  inner: Uint8Array; // encloses none
  activity: Int32Array; // into facts.activities; none: a time of a span or step
  bytes: Float64Array; // that an activity copied or set
}

export function decodeDevices(columns: Columns): DeviceTimes {
  const stream = columns.integers("device_stream");
  const start = columns.signed("device_start"), end = columns.numbers("device_duration");
  const count = stream.length;
  const depth = new Int32Array(count), inner = new Uint8Array(count).fill(1);
  let open: number[] = [];
  for (let i = 0; i < count; ++i) {
    if (i > 0 && stream[i] === stream[i - 1]) start[i] += start[i - 1];
    else open = [];
    end[i] += start[i];
    while (open.length && end[open[open.length - 1]] < end[i]) open.pop();
    while (open.length && end[open[open.length - 1]] <= start[i]) open.pop();
    depth[i] = open.length;
    if (open.length) inner[open[open.length - 1]] = 0;
    open.push(i);
  }
  const minusOne = (name: string) => columns.integers(name).map((number) => number - 1);
  return { count, stream, start, end, depth, inner, span: minusOne("device_span"), step: columns.numbers("device_step"),
           activity: minusOne("device_activity"), bytes: columns.numbers("device_bytes") };
}
