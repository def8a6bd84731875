// Unpacks what viewer/src/report/report_columns.h packs.

import { safeText } from "../widgets/dom";

// The compiler that Debian has does not know it yet.
declare const DecompressionStream: {
  new (format: string): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> };
};

// What ops computed and moved in one direction: README.md ("FLOPs").
export interface WorkSum {
  matrix_flops: number; arithmetic_flops: number; transcendental_calls: number; moved_bytes: number;
  counted_ops: number; unknown_ops: number; unknown_ns: number; timed_flops: number; timed_ns: number;
}
export type Work = { forward: WorkSum; backward: WorkSum } | null;

export interface SpanTotal {
  name: string;
  work?: Work; // of ops
  count: number;
  untimed_count: number;
  threw_count: number;
  total_ns: number;
  self_ns: number;
  forward_count?: number;
  backward_count?: number;
  forward_self_ns?: number;
  backward_self_ns?: number;
}

export interface SourceTotal {
  file: string | null;
  line: number | null;
  function: string | null;
  calls: number;
  total_ns: number;
  self_ns: number;
  forward_self_ns: number;
  backward_self_ns: number;
  ops: { name: string; count: number; total_ns: number }[];
  backward: { name: string; count: number; total_ns: number }[];
}

export interface Step {
  number: number;
  start_ns: number;
  duration_ns: number | null;
  recorded: boolean;
  ops: number | null;
  forward_ns: number | null;
  backward_ns: number | null;
  work: Work;
}

export interface ModuleTotal {
  path: string;
  type: string;
  parameters: number;
  own_parameters: number;
  bytes: number;
  calls: number | null;
  forward_ns: number | null;
  backward_ns: number | null;
  ops_forward_ns: number; // of its ops and those of the modules inside
  ops_backward_ns: number;
  self_forward_ns: number; // of its ops alone
  self_backward_ns: number;
  peak_bytes: number | null;
  saved_bytes: number | null;
  work: Work; // with the modules inside
}

// What `torchtape summary --json --by=source` prints.
export interface Summary {
  run: {
    program: string; torch_version: string; torch_build: string; host: string; pid: number;
    rank: number | null; world_size: number | null; start_wall_ns: number; op_source: string;
    log: string; size_bytes: number; finished: boolean; damaged: boolean; threads: number;
    events: number; dropped_events: number; writer_cpu_ns: number | null;
    devices: { name: string; model: string }[];
    options: { memory: boolean; schedule: string };
  };
  steps: Step[];
  memory: null | {
    peak_bytes: number; peak_step: number; peak_time_ns: number; peak_step_start_ns: number;
    alloc_count: number; free_count: number; allocated_bytes: number;
    roles: null | Record<string, number>; // null: not known
    holders: { maker: string | null; range: string | null; module: string | null;
               bytes: number; allocations: number }[];
  };
  values: { name: string; count: number; first: number | null; last: number | null;
            least: number | null; greatest: number | null }[];
  modules: ModuleTotal[];
  optimizer: { ops: number; time_ns: number; work: Work };
  unattributed: { forward_ns: number | null; backward_ns: number | null; work: Work };
  work: Work;
  device_time: null | { lost: Record<string, number> };
  kernels: null | { lost: Record<string, number> };
  ops: SpanTotal[];
  backward: SpanTotal[];
  ranges: SpanTotal[];
  scripts: SpanTotal[];
  sources: SourceTotal[];
  no_source: SourceTotal;
}

export interface Operator {
  kind: string;
  name: string;
  overload: string;
  class: string;
  level: number;
}

// What recording took of the program's threads: README.md ("info").
export interface OwnCost {
  recorded_ns: number;
  slowdown: number | null;
  calls: { thread: number; kind: string; samples: number; ns_per_call: number; total_ns: number }[];
}

export interface Facts {
  summary: Summary;
  chosen: { first: number; last: number } | null;
  kept: { spans: number; allocations: number; steps: number[] | null;
          spans_cut_at_ns: number | null; allocations_cut_at_ns: number | null; activities_cut_at_ns: number | null };
  end_ns: number;
  modules: { path: string; type: string; parent: number }[];
  operators: Operator[];
  lines: { file: string | null; line: number | null; function: string | null }[];
  texts: string[];
  works: [matrix: number, arithmetic: number, transcendental: number, bytes: number, onCpu: boolean][];
  module_sources: string[]; // who told of a module
  threads: { number: number; name: string }[];
  device_streams: { device: string; context: number | null; stream: number; error_ns: number }[];
  activities: { kind: string; name: string }[];
  own_cost: OwnCost | null; // null: not measured
  drops: { start_ns: number; end_ns: number; events: number }[];
  audits: { time_ns: number; tapped_ops: number; missed_ops: number }[];
  notes: string[];
  value_names: string[];
  columns: { [name: string]: [bytes: number, numbers: number] };
}

export class Columns {
  private at: { [name: string]: { offset: number; size: number; count: number } } = {};

  constructor(private bytes: Uint8Array, offset: number, table: Facts["columns"]) {
    for (const [name, [size, count]] of Object.entries(table)) {
      this.at[name] = { offset, size, count };
      offset += size;
    }
  }

  // Doubles hold whole numbers up to 2^53: 104 days in nanoseconds.
  numbers(name: string): Float64Array {
    const { offset, count } = this.at[name];
    const { bytes } = this;
    const numbers = new Float64Array(count);
    for (let i = 0, at = offset; i < count; ++i) {
      let byte = bytes[at++];
      let number = byte & 0x7f;
      for (let scale = 128; byte >= 0x80; scale *= 128) {
        byte = bytes[at++];
        number += (byte & 0x7f) * scale;
      }
      numbers[i] = number;
    }
    return numbers;
  }

  integers(name: string): Int32Array {
    return Int32Array.from(this.numbers(name));
  }

  signed(name: string): Float64Array {
    const numbers = this.numbers(name);
    for (let i = 0; i < numbers.length; ++i) {
      const zigzag = numbers[i];
      numbers[i] = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    return numbers;
  }

  reals(name: string): Float64Array {
    const { offset, size } = this.at[name];
    return new Float64Array(this.bytes.slice(offset, offset + size).buffer);
  }
}

function decodeBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; ++i) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// Makes every text of the log safe to show, once and for all. A reviver of
// JSON.parse would do the same in ten times the time.
function makeSafe(value: unknown): unknown {
  if (typeof value === "string") return safeText(value);
  if (typeof value !== "object" || value === null) return value;
  const parts = value as { [key: string]: unknown };
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (typeof part === "string" || typeof part === "object") parts[key] = makeSafe(part);
  }
  return value;
}

// What is known of several logs together.
export interface RankFacts {
  same_clock_error_ns: number;
  logs: { log: string; offset_ns: number; clock: number | null }[]; // in the order of the packs
  unread: { log: string; problem: string }[];
}

async function unpack(base64: string): Promise<{ facts: unknown; columns: (table: Facts["columns"]) => Columns }> {
  const stream = new Blob([decodeBase64(base64)]).stream()
    .pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const json = new TextDecoder().decode(bytes.subarray(4, 4 + size));
  const facts = makeSafe(JSON.parse(json));
  return { facts, columns: (table) => new Columns(bytes, 4 + size, table) };
}

// One pack is of one log; of several, the last one is of all of them.
export async function unpackAll(
  text: string
): Promise<{ logs: { facts: Facts; columns: Columns }[]; ranks: RankFacts | null }> {
  const packs = await Promise.all(text.split(",").map(unpack));
  const ranks = packs.length > 1 ? packs.pop()!.facts as RankFacts : null;
  const logs = packs.map(({ facts, columns }) => {
    const ofLog = facts as Facts;
    return { facts: ofLog, columns: columns(ofLog.columns) };
  });
  return { logs, ranks };
}
