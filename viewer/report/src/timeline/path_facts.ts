// The critical path and the timeline's bars, in words.

import { Part, Wait, criticalPath, mostError } from "../run/critical_path";
import { make, shortName } from "../widgets/dom";
import { deviceFacts, operatorText, spanFacts } from "../run/facts";
import { Lane, spanOf } from "./lanes";
import { Run, none } from "../run/run";
import { Store } from "../store";
import { count, share, time } from "../widgets/units";

const mostRows = 6;

const waits: { [wait in Wait]: string } = {
  begin: "the step begins", order: "after the op before it on its thread", data: "after the op that made its input",
  autograd: "after its forward op", pass: "after the op before the backward pass",
  join: "after the backward pass of another thread", launch: "as soon as the host asked for it",
  stream: "after the work before it in its stream", "read back": "after the device, whose value it reads",
};

// The index of the part that runs at a time; -1: it is before the step.
export function partAt(run: Run, step: number, at: number): number {
  const { parts } = criticalPath(run, step);
  let index = -1;
  while (index + 1 < parts.length && parts[index + 1].from <= at) ++index;
  return index;
}

export function togglePath(store: Store): void {
  if (store.state.selection.kind === "path") store.clear();
  else store.select({ kind: "path" });
}

function partName(run: Run, { span, device }: Part): string {
  if (span === none) return "between ops";
  return operatorText(run, span) + (device === none ? "" : " on its device");
}

// For a tip: the heading first.
export function entryFacts(store: Store, run: Run, lane: Lane, entry: number): string[] {
  const { state } = store;
  const span = spanOf(lane, entry);
  const lines: string[] = [];
  lines.push(...(lane.stream === none ? spanFacts(run, span) : deviceFacts(run, entry)));
  if (state.selection.kind !== "path" || run !== store.run) return lines;
  const device = lane.stream === none ? none : entry;
  const part = criticalPath(run, state.step).parts.find((each) => each.span === span && each.device === device && span !== none);
  if (part) lines.push(`on the critical path for ${time(part.to - part.from)}, ${waits[part.waitedFor]}`);
  return lines;
}

// The largest sums of the path's parts by a name.
function sums(parts: Part[], nameOf: (part: Part) => string, all: number): HTMLElement {
  const byName = new Map<string, number>();
  for (const part of parts) {
    if (part.span === none) continue;
    const name = nameOf(part);
    byName.set(name, (byName.get(name) ?? 0) + part.to - part.from);
  }
  const sorted = [...byName].sort((a, b) => b[1] - a[1]);
  const list = make("div", { class: "links" });
  for (const [name, ns] of sorted.slice(0, mostRows)) {
    list.append(make("div", {}, make("span", { class: "name", text: `${name}  ` }),
      make("span", { class: "number", text: `${time(ns)}, ${share(ns, all)}` })));
  }
  if (sorted.length > mostRows) list.append(make("span", { text: `and ${count(sorted.length - mostRows)} more` }));
  return list;
}

export function pathTitle(run: Run, step: number): string {
  const [from, to] = run.stepRange(step);
  return `${time(to - from)} of step ${run.summary.steps[step]?.number}`;
}

// Why devices have no part in it; null: they have.
function whyNoDevices(run: Run, stepNs: number): string | null {
  if (run.devices.activity.every((activity) => activity !== none)) return "left out: it has kernels, but no times of ops";
  const errors = run.facts.device_streams.map(({ error_ns }) => error_ns);
  return Math.min(...errors) > mostError * stepNs
    ? `left out: its times are placed within ${time(Math.min(...errors))} only` : null;
}

// For the panel.
export function pathFacts(store: Store, link: (span: number, ns: number) => Node): [string, string | Node | null][] {
  const { run, state } = store;
  const [from, to] = run.stepRange(state.step);
  const { parts, opNs, backwardNs, deviceNs, betweenNs, besideNs } = criticalPath(run, state.step);
  const ops = parts.filter(({ span }) => span !== none);
  const of = (ns: number) => `${time(ns)}, ${share(ns, to - from)}`;
  const now = state.cursor === null ? undefined : parts[partAt(run, state.step, state.cursor)];
  const longest = [...ops].sort((a, b) => b.to - b.from - a.to + a.from).slice(0, mostRows);
  return [
    ["other ops", of(opNs)],
    ["backward", of(backwardNs)],
    ["device", run.devices.count === 0 ? null : whyNoDevices(run, to - from) ?? of(deviceNs)],
    ["between", `${of(betweenNs)}: no op was running on it`],
    ["parts", count(ops.length)],
    ["beside it", besideNs > 0 ? `${time(besideNs)} of ops that ran at the same time` : "nothing: all ops are on it"],
    ["at cursor", now ? `${partName(run, now)}  ${time(now.to - now.from)}, ${waits[now.waitedFor]}` : null],
    ["by module", sums(ops, ({ span }) => run.modulePath(run.spans.module[span]), to - from)],
    ["by op", sums(ops, (part) => shortName(partName(run, part)), to - from)],
    ["longest", make("div", { class: "links" }, ...longest.map((part) => link(part.span, part.to - part.from)))],
  ];
}
