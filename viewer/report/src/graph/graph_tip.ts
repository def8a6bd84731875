// What is known of a box, in lines of words: the heading first.

import type { Look } from "./graph_draw";
import { spanOf } from "./graph_draw";
import { lineText, spanFacts } from "../run/facts";
import type { Item } from "./graph_item";
import type { GraphModel } from "./graph_model";
import { Run, none } from "../run/run";
import { bytes, count, known, plural, share, time } from "../widgets/units";
import { flopText } from "../run/work";

const mostTypes = 3;

function typesText(run: Run, types: Set<number>): string {
  const texts = [...types].map((type) => run.facts.texts[type]).filter(Boolean);
  return texts.slice(0, mostTypes).join(", ") + (texts.length > mostTypes ? ` and ${texts.length - mostTypes} more` : "");
}

// The first tensor of "input=float32[2, 4], weight=..." that is no parameter.
function firstTensor(text: string): string {
  const tensors = [...text.matchAll(/(?:(\w+)=)?([a-z]+\d*\[[^\]]*\])/g)];
  return (tensors.find(([, name]) => !/weight|bias|running/.test(name ?? "")) ?? [])[2] ?? "";
}

// The tensors that cross the border of an item in its forward pass: what it
// reads from ops of the step outside of it, and what others read of it. Where
// nothing crosses, the first tensor of its first op, or what its last one gives.
export function shapesOf(run: Run, model: GraphModel, item: Item): [inputs: string, outputs: string] {
  const { source, holderAt } = model;
  const { spans, facts } = run;
  const isInside = inside(item);
  const inputs = new Set<number>(), outputs = new Set<number>();
  let first = none, last = none;
  for (let i = 0; i < source.count; ++i) {
    const own = isInside(holderAt[i]);
    if (own && !spans.backward[source.span[i]] && run.operator(source.span[i]).kind === "op") {
      if (first === none) first = i;
      if (source.parent[i] === none || !isInside(holderAt[source.parent[i]])) last = i;
    }
    for (let edge = source.edges[i]; edge < source.edges[i + 1]; ++edge) {
      const maker = source.edgeFrom[edge];
      if (maker === none || spans.backward[source.span[maker]] || spans.backward[source.span[i]]) continue;
      const isMade = isInside(holderAt[maker]);
      if (isMade !== own) (own ? inputs : outputs).add(source.edgeType[edge]);
    }
  }
  const text = (column: Int32Array, at: number) => (at === none ? "" : firstTensor(facts.texts[column[source.span[at]]]));
  return [typesText(run, inputs) || text(spans.inputs, first), typesText(run, outputs) || text(spans.outputs, last)];
}

function inside(item: Item): (each: Item | null) => boolean {
  // Parents come first, and what is inside follows them.
  let last = item;
  while (last.children.length) last = last.children[last.children.length - 1];
  return (each) => each !== null && each.id >= item.id && each.id <= last.id;
}

// Where the module was called: the line of its call, or of its first op.
function lineOf(run: Run, model: GraphModel, item: Item): string {
  const { source, holderAt } = model;
  const [from, to] = source.range;
  const { spans, facts } = run;
  const path = item.kind === "module" ? facts.modules[item.module].path : "";
  for (let span = from; path && span < to; ++span) {
    const { kind, name } = run.operator(span);
    if (kind === "module" && name === path) return lineText(run, spans.line[span]);
  }
  const isInside = inside(item);
  const first = holderAt.findIndex(isInside);
  return first < 0 ? "" : lineText(run, spans.line[source.span[first]]);
}

function groupLines(run: Run, model: GraphModel, item: Item): string[] {
  const { source } = model;
  const { forward, backward } = item;
  const where = source.ran ? "of all steps" : "of the step";
  const lines = [item.kind === "module" ? item.key : item.label, item.detail,
    `forward ${time(forward.ns)}, backward ${time(backward.ns)}, ` +
      `${share(forward.ns + backward.ns, source.totalNs)} ${where}`];
  if (forward.flops + backward.flops > 0) {
    lines.push(`computes forward ${flopText(forward.flops)}, backward ${flopText(backward.flops)}`);
  }
  if (forward.bytes + backward.bytes > 0) {
    lines.push(`allocates forward ${bytes(forward.bytes)}, backward ${bytes(backward.bytes)}`);
  }
  if (item.kind !== "module" && item.parameters) lines.push(plural(item.parameters, "parameter"));
  if (item.hasForward) {
    const [inputs, outputs] = shapesOf(run, model, item);
    if (inputs) lines.push(`reads ${inputs}`);
    if (outputs) lines.push(`gives ${outputs}`);
  }
  return lines;
}

// Of all steps, as `summary` tells it.
function moduleLines(run: Run, module: number): string[] {
  const total = run.moduleTotals[module];
  if (!total) return [];
  return [
    `in all: ${total.calls === null ? "calls not known" : plural(total.calls, "call")}, ` +
      `forward ${known(total.forward_ns, time)}, backward ${known(total.backward_ns, time)}`,
    `${count(total.parameters)} parameters, ${bytes(total.bytes)}`,
    [total.saved_bytes === null ? "" : `saves ${bytes(total.saved_bytes)} for backward`,
     total.peak_bytes === null ? "" : `peak ${bytes(total.peak_bytes)}`].filter(Boolean).join(", "),
  ].filter(Boolean);
}

export function tipLines(look: Look, model: GraphModel, item: Item, isBackward: boolean): string[] {
  const { run, source } = look;
  const often = look.often(item);
  const ran = often ? [`ran in ${often} steps`] : [];
  if (item.kind === "op") {
    const { forward, backward } = item;
    const made = forward.bytes + backward.bytes > 0
      ? [`allocates forward ${bytes(forward.bytes)}, backward ${bytes(backward.bytes)}`] : [];
    return [...spanFacts(run, spanOf(item, source, isBackward)),
            ...(item.nodeCount && item.hasForward ? [`backward ${time(backward.ns)}`] : []), ...made, ...ran];
  }
  const line = lineOf(run, model, item);
  return [...groupLines(run, model, item), ...(item.kind === "module" ? moduleLines(run, item.module) : []),
          ...(line ? [line] : []), ...(item.threw ? ["threw"] : []), ...ran];
}
