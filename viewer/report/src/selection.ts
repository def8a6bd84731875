// The one selection: what it marks, its text in a link, and what it is in the
// log of another rank.

import { criticalPath } from "./run/critical_path";
import { firstAt } from "./run/facts";
import { Run, none } from "./run/run";

export type Selection =
  | { kind: "none" }
  | { kind: "span"; span: number }
  | { kind: "module"; module: number }
  | { kind: "name"; name: string } // all calls of an op or node
  | { kind: "line"; line: number } // of facts.lines
  | { kind: "text"; text: number } // all that have this type among theirs
  | { kind: "activity"; activity: number } // all kernels of this name: of facts.activities
  | { kind: "allocation"; allocation: number }
  | { kind: "path" }; // the critical path of the step

export const nothing: Selection = { kind: "none" };

// Of each span: 2 if it is selected, 1 if it is related; null: no selection.
export function maskOf(run: Run, selection: Selection, step: number): Uint8Array | null {
  const { spans, allocations, facts } = run;
  if (selection.kind === "none") return null;
  const mask = new Uint8Array(spans.count);
  const fill = (test: (span: number) => boolean) => {
    for (let i = 0; i < spans.count; ++i) if (test(i)) mask[i] = 2;
  };
  switch (selection.kind) {
    case "module": {
      const inside = facts.modules.map((_, i) => run.isInModule(i, selection.module));
      fill((i) => spans.module[i] !== none && inside[spans.module[i]]);
      break;
    }
    case "name": {
      const named = facts.operators.map((operator) => operator.name === selection.name);
      fill((i) => named[spans.name[i]]);
      break;
    }
    case "line":
      fill((i) => spans.line[i] === selection.line);
      break;
    case "text": {
      const wanted = facts.texts[selection.text];
      const has = facts.texts.map((text) => text.includes(wanted));
      fill((i) => has[spans.inputs[i]] || has[spans.outputs[i]]);
      break;
    }
    case "activity": {
      const { activity, span } = run.devices;
      for (let i = 0; i < activity.length; ++i) if (activity[i] === selection.activity && span[i] !== none) mask[span[i]] = 2;
      break;
    }
    case "path":
      markPath(run, step, mask);
      break;
    case "span":
    case "allocation": {
      const span = selection.kind === "span" ? selection.span : allocations.span[selection.allocation];
      if (span !== none) markSpan(run, span, mask);
    }
  }
  return mask;
}

// A span, what is inside it, and its partners in the other direction.
function markSpan(run: Run, span: number, mask: Uint8Array): void {
  const { spans } = run;
  if (spans.forward[span] !== none) mask[spans.forward[span]] = 1;
  const [, last] = run.spansOfStep(spans.step[span]);
  const isPartOf = (each: number) => {
    while (each !== none && each > span) each = spans.parent[each];
    return each === span;
  };
  for (let i = span + 1; i < last; ++i) {
    if (isPartOf(i)) mask[i] = 1;
    if (spans.forward[i] !== none && isPartOf(spans.forward[i])) mask[i] = 1;
  }
  mask[span] = 2;
}

function markPath(run: Run, step: number, mask: Uint8Array): void {
  const { spans } = run;
  for (const { span } of criticalPath(run, step).parts) {
    if (span === none) continue;
    mask[span] = 2;
    for (let i = span + 1; i < spans.count && spans.start[i] < spans.end[span]; ++i) {
      if (mask[spans.parent[i]] > 0 && spans.thread[i] === spans.thread[span]) mask[i] = Math.max(mask[i], 1);
    }
  }
}

// Links tell a span by its step and how-many-th it is in there, so that they
// hold for a report of other steps too; allocations likewise.
export function selectionText(run: Run, selection: Selection): string | null {
  const { facts } = run;
  switch (selection.kind) {
    case "none": return null;
    case "path": return "path";
    case "span": {
      const step = run.spans.step[selection.span];
      return `span:${run.summary.steps[step]?.number}.${selection.span - run.spansOfStep(step)[0]}`;
    }
    case "module": return `module:${facts.modules[selection.module].path}`;
    case "name": return `op:${selection.name}`;
    case "line": return `line:${lineKey(run, selection.line)}`;
    case "activity": return `kernel:${facts.activities[selection.activity].name}`;
    case "text": return `type:${facts.texts[selection.text]}`;
    case "allocation": {
      const step = stepOfAllocation(run, selection.allocation);
      return `allocation:${run.summary.steps[step]?.number}.${selection.allocation - allocationsOfStep(run, step)[0]}`;
    }
  }
}

function lineKey(run: Run, line: number): string {
  const { file, line: number, function: name } = run.facts.lines[line];
  return [file ?? "", number ?? "", name ?? ""].join(":");
}

export function stepOfAllocation(run: Run, allocation: number): number {
  return run.stepAt(run.allocations.time[allocation]);
}

function allocationsOfStep(run: Run, step: number): [from: number, to: number] {
  const [from, to] = run.stepRange(step);
  const { time } = run.allocations;
  return [firstAt(time, from), firstAt(time, to)];
}

// "STEP.INDEX" as the number of a span or allocation.
function placeOf(run: Run, text: string, range: (step: number) => [from: number, to: number]): number {
  const words = /^(\d+)\.(\d+)$/.exec(text);
  const step = words ? run.stepIndex(Number(words[1])) : -1;
  if (!words || step < 0) return none;
  const [from, to] = range(step);
  return from + Number(words[2]) < to ? from + Number(words[2]) : none;
}

export function parseSelection(run: Run, text: string | null): Selection {
  if (!text) return nothing;
  if (text === "path") return { kind: "path" };
  const colon = text.indexOf(":");
  const [kind, rest] = [text.slice(0, colon), text.slice(colon + 1)];
  const { facts } = run;
  const valid = (index: number, selection: Selection) => (index === none ? nothing : selection);
  switch (kind) {
    case "span": {
      const span = placeOf(run, rest, (step) => run.spansOfStep(step));
      return valid(span, { kind, span });
    }
    case "line": {
      const line = facts.lines.findIndex((_, i) => lineKey(run, i) === rest);
      return valid(line, { kind, line });
    }
    case "kernel": {
      const activity = facts.activities.findIndex(({ name }) => name === rest);
      return valid(activity, { kind: "activity", activity });
    }
    case "allocation": {
      const allocation = placeOf(run, rest, (step) => allocationsOfStep(run, step));
      return valid(allocation, { kind, allocation });
    }
    case "module": {
      const module = run.moduleIndex.get(rest) ?? none;
      return valid(module, { kind, module });
    }
    case "type": {
      const index = facts.texts.indexOf(rest);
      return valid(index, { kind: "text", text: index });
    }
    case "op":
      return facts.operators.some((operator) => operator.name === rest)
        ? { kind: "name", name: rest } : nothing;
    default: return nothing;
  }
}

// The same in another log. Threads may run in another order there, so a span is
// the one of its step that is as-many-th of those of its name and module; an
// allocation the one of its maker, module and size.
export function counterpart(from: Run, to: Run, selection: Selection): Selection {
  if (selection.kind === "span") {
    const key = (run: Run) => (i: number) => {
      const { kind, name, overload } = run.operator(i);
      return [kind, name, overload, run.modulePath(run.spans.module[i])].join("\n");
    };
    const step = from.spans.step[selection.span];
    const span = nthAlike(selection.span, from.spansOfStep(step), key(from),
      sameStep(from, to, step, (there) => to.spansOfStep(there)), key(to));
    return span === none ? nothing : { kind: "span", span };
  }
  if (selection.kind === "allocation") {
    const key = (run: Run) => (i: number) => {
      const { maker, module, bytes } = run.allocations;
      return [run.facts.operators[maker[i]]?.name, run.modulePath(module[i]), bytes[i]].join("\n");
    };
    const step = stepOfAllocation(from, selection.allocation);
    const allocation = nthAlike(selection.allocation, allocationsOfStep(from, step), key(from),
      sameStep(from, to, step, (there) => allocationsOfStep(to, there)), key(to));
    return allocation === none ? nothing : { kind: "allocation", allocation };
  }
  return parseSelection(to, selectionText(from, selection));
}

function sameStep(from: Run, to: Run, step: number, range: (step: number) => [number, number]): [number, number] {
  const there = to.stepIndex(from.summary.steps[step]?.number);
  return there < 0 ? [0, 0] : range(there);
}

function nthAlike(
  index: number, [first]: [number, number], keyOf: (i: number) => string,
  [begin, end]: [number, number], keyThere: (i: number) => string
): number {
  const wanted = keyOf(index);
  let before = 0;
  for (let i = first; i < index; ++i) if (keyOf(i) === wanted) ++before;
  for (let i = begin; i < end; ++i) if (keyThere(i) === wanted && before-- === 0) return i;
  return none;
}
