// The three things that a reader should see first: each a sentence with a
// number, and where it leads.

import { ModuleTotal } from "../run/data";
import { shortName, typeName } from "../widgets/dom";
import { makerText } from "../run/facts";
import { Run, none } from "../run/run";
import { Selection, State } from "../store";
import { bytes, count, plural, share, time } from "../widgets/units";

export interface Finding {
  text: string;
  detail: string;
  weight: number; // what part of the run or of the peak it is about
  selection: Selection;
  change: Partial<State>;
}

function quantile(numbers: number[], ratio: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil(ratio * sorted.length), 1) - 1];
}

// A step that took far longer than most.
function slowStep({ summary }: Run): Finding | null {
  const timed = summary.steps.flatMap(({ duration_ns, number }, index) =>
    duration_ns === null ? [] : [{ ns: duration_ns, number, index }]);
  if (timed.length < 3) return null;
  const median = quantile(timed.map(({ ns }) => ns), 0.5);
  const slow = timed.reduce((a, b) => (b.ns > a.ns ? b : a));
  if (slow.ns < 1.5 * median) return null;
  const all = timed.reduce((sum, { ns }) => sum + ns, 0);
  return {
    text: `Step ${slow.number} took ${time(slow.ns)}, ${(slow.ns / median).toFixed(1)} times the median`,
    detail: `median ${time(median)}, p95 ${time(quantile(timed.map(({ ns }) => ns), 0.95))} ` +
      `of ${count(timed.length)} steps`,
    weight: (slow.ns - median) / all, selection: { kind: "none" },
    change: { view: "timeline", step: slow.index, range: null, cursor: null },
  };
}

function peakHolder(run: Run): Finding | null {
  const { memory } = run.summary;
  if (!memory || memory.holders.length === 0) return null;
  const [holder] = memory.holders;
  const module = holder.module === null ? none : run.moduleIndex.get(holder.module) ?? none;
  const maker = run.facts.operators.findIndex((operator) => operator.name === holder.maker);
  return {
    text: `${share(holder.bytes, memory.peak_bytes)} of the peak of ${bytes(memory.peak_bytes)} is held by ` +
      makerText(run, maker, module),
    detail: `${bytes(holder.bytes)} in ${plural(holder.allocations, "allocation")}, step ${memory.peak_step}`,
    weight: holder.bytes / memory.peak_bytes,
    selection: module !== none ? { kind: "module", module }
      : holder.maker ? { kind: "name", name: holder.maker } : { kind: "none" },
    change: { view: "memory", cursor: memory.peak_time_ns, range: null,
              step: Math.max(run.stepIndex(memory.peak_step), 0) },
  };
}

function topOp({ summary }: Run): Finding | null {
  const all = summary.ops.reduce((sum, op) => sum + op.self_ns, 0);
  const top = [...summary.ops].sort((a, b) => b.self_ns - a.self_ns)[0];
  if (!top || all === 0) return null;
  return {
    text: `${shortName(top.name)} takes ${share(top.self_ns, all)} of the time in ops`,
    detail: `${time(top.self_ns)} self time in ${plural(top.count, "call")}`,
    weight: top.self_ns / all, selection: { kind: "name", name: top.name }, change: { view: "ops" },
  };
}

function topModule(run: Run): Finding | null {
  const own = ({ self_forward_ns, self_backward_ns }: ModuleTotal) => self_forward_ns + self_backward_ns;
  let top = none;
  run.moduleTotals.forEach((total, index) => {
    if (top === none || own(total) > own(run.moduleTotals[top])) top = index;
  });
  if (top === none || own(run.moduleTotals[top]) === 0) return null;
  const total = run.moduleTotals[top];
  return {
    text: `${total.path} takes ${share(own(total), run.outermostNs)} of the time in ops`,
    detail: `${typeName(total.type)}: forward ${time(total.self_forward_ns)}, ` +
      `backward ${time(total.self_backward_ns)}`,
    weight: own(total) / run.outermostNs, selection: { kind: "module", module: top }, change: { view: "modules" },
  };
}

function notFinite(run: Run): Finding | null {
  const { name, step, number } = run.values;
  const index = number.findIndex((each) => !Number.isFinite(each));
  if (index < 0) return null;
  return {
    text: `${run.facts.value_names[name[index]]} is ${number[index]} from step ${step[index]} on`,
    detail: "the first value that is not finite", weight: 2, selection: { kind: "none" },
    change: { view: "timeline", step: Math.max(run.stepIndex(step[index]), 0), range: null },
  };
}

export function findings(run: Run): Finding[] {
  return [notFinite(run), slowStep(run), topModule(run), topOp(run), peakHolder(run)]
    .filter((finding): finding is Finding => finding !== null)
    .sort((a, b) => b.weight - a.weight).slice(0, 3);
}
