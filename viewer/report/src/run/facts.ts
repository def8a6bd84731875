// What is known of a span or an allocation, in lines of words.

import { shortName, shortPath } from "../widgets/dom";
import { Run, none } from "./run";
import { bytes, count, known, time } from "../widgets/units";
import { spanWorkText } from "./work";

export function lineText(run: Run, line: number): string {
  if (line === none) return "";
  const { file, line: number, function: name } = run.facts.lines[line];
  const place = file ? `${shortPath(file)}:${number}` : "";
  return [place, name].filter(Boolean).join("  ");
}

export function operatorText(run: Run, span: number): string {
  const { name, overload } = run.operator(span);
  return overload ? `${name}.${overload}` : name;
}

// What a bar of a device's stream is called.
export function deviceText(run: Run, entry: number): string {
  const { activity, span, step } = run.devices;
  if (activity[entry] !== none) {
    const { kind, name } = run.facts.activities[activity[entry]];
    return name || kind;
  }
  return span[entry] === none ? `step ${step[entry]}` : operatorText(run, span[entry]);
}

// For a tip: the heading first.
export function deviceFacts(run: Run, entry: number): string[] {
  const { devices, spans, facts } = run;
  const { device, stream } = facts.device_streams[devices.stream[entry]];
  const span = devices.span[entry], isActivity = devices.activity[entry] !== none;
  const late = span === none ? "" : `, ${time(Math.max(devices.start[entry] - spans.start[span], 0))} after the host began it`;
  const lines = [`${deviceText(run, entry)} on ${device} stream ${stream}`,
    `${time(devices.end[entry] - devices.start[entry])} on the device${late}`];
  if (devices.bytes[entry] > 0) lines.push(bytes(devices.bytes[entry]));
  if (span !== none) lines.push(isActivity ? `launched by ${operatorText(run, span)}:` : "on the host:", ...spanFacts(run, span).slice(1));
  else if (isActivity) lines.push("nobody knows what launched it");
  return lines;
}

export function durationOf(run: Run, span: number): number | null {
  const duration = run.spans.end[span] - run.spans.start[span];
  return Number.isNaN(duration) ? null : duration;
}

const sources: { [name: string]: string } = {
  scope: "the program said so", tap: "its call was seen", parameter: "by its parameters",
  call_site: "by the function that called", inferred: "by what is around",
};

// Who told which module it works for.
export function sourceText(run: Run, span: number): string {
  const name = run.facts.module_sources[run.spans.source[span]];
  return sources[name] ?? name;
}

// For a tip: the heading first.
export function spanFacts(run: Run, span: number): string[] {
  const { spans, facts } = run;
  const [from] = run.stepRange(spans.step[span]);
  const lines = [operatorText(run, span)];
  const own = Number.isNaN(spans.self[span]) ? "" : `, self ${time(spans.self[span])}`;
  lines.push(`${known(durationOf(run, span), time)}${own}, ` +
    `at ${time(spans.start[span] - from)} of the step`);
  if (spans.module[span] !== none) lines.push(`${run.modulePath(spans.module[span])} (${sourceText(run, span)})`);
  if (spans.inputs[span]) lines.push(facts.texts[spans.inputs[span]]);
  if (spans.outputs[span]) lines.push(`-> ${facts.texts[spans.outputs[span]]}`);
  const work = spanWorkText(run, span);
  if (work) lines.push(work);
  const line = lineText(run, spans.line[span]);
  if (line) lines.push(line);
  if (spans.threw[span]) lines.push("threw");
  return lines;
}

// Who made an allocation: "ConvolutionBackward0 in net.body.2".
export function makerText(run: Run, maker: number, module: number): string {
  const name = maker === none ? "(no op)" : shortName(run.facts.operators[maker].name);
  return module === none ? name : `${name} in ${run.modulePath(module)}`;
}

// Bytes that were allocated inside of a span, and how often; by its thread.
function allocatedIn(run: Run, span: number): { bytes: number; times: number } {
  const { allocations, spans } = run;
  const sum = { bytes: 0, times: 0 };
  const end = spans.end[span];
  for (let i = firstAt(allocations.time, spans.start[span]); i < allocations.count; ++i) {
    if (!(allocations.time[i] <= end)) break;
    for (let up = allocations.span[i]; up >= span; up = spans.parent[up]) {
      if (up !== span) continue;
      sum.bytes += allocations.bytes[i];
      ++sum.times;
      break;
    }
  }
  return sum;
}

// The first of sorted numbers that is not less.
export function firstAt(numbers: Float64Array, least: number): number {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function allocatedText(run: Run, span: number): string {
  const { bytes: size, times } = allocatedIn(run, span);
  return times === 0 ? "nothing" : `${bytes(size)} in ${count(times)}`;
}
