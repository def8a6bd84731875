// What streams of devices took: of spans, and of whole steps.

import { Columns } from "./data";

// In the order of streams, and of a stream in that of time. Times are of the
// host's clock, as far as the stream's error allows.
export interface DeviceTimes {
  count: number;
  stream: Int32Array; // into facts.device_streams
  start: Float64Array;
  end: Float64Array;
  span: Int32Array; // none: of a step
  step: Float64Array; // its number, then
  depth: Int32Array; // by how many times of its stream it is enclosed
  inner: Uint8Array; // encloses none
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
  return { count, stream, start, end, depth, inner,
           span: columns.integers("device_span").map((number) => number - 1), step: columns.numbers("device_step") };
}
