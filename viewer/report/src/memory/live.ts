// The live memory: how much at which time, by groups, and what is live at one
// instant.

import { makerText } from "../run/facts";
import { Run, none } from "../run/run";

export type Grouping = "module" | "maker" | "pass" | "role";

export interface Groups {
  names: string[]; // the largest first, then "other"
  of: Uint8Array; // of each allocation
}

const mostGroups = 7;

// By the number of the role, as the tool tells it.
const roles = ["temporary", "saved for backward", "optimizer state", "gradients", "parameters"];

function nameOf(run: Run, grouping: Grouping, allocation: number): string {
  const { maker, module, span, role } = run.allocations;
  if (grouping === "role") return roles[role[allocation]];
  if (grouping === "module") return run.modulePath(module[allocation]);
  if (grouping === "maker") return makerText(run, maker[allocation], none);
  if (maker[allocation] === none) return "outside of ops";
  if (span[allocation] !== none) return run.spans.backward[span[allocation]] ? "backward pass" : "other ops";
  return run.facts.operators[maker[allocation]].kind === "backward" ? "backward pass" : "other ops";
}

// What these allocations are for; "" if they differ.
export function roleText(run: Run, allocations: number[]): string {
  const [first, ...rest] = allocations.map((each) => run.allocations.role[each]);
  return rest.every((each) => each === first) ? roles[first] : "";
}

// Groups have rank by bytes times the time that they were held.
export function groupsOf(run: Run, grouping: Grouping): Groups {
  const { allocations, facts } = run;
  const weights = new Map<string, number>();
  const names: string[] = [];
  for (let i = 0; i < allocations.count; ++i) {
    const name = nameOf(run, grouping, i);
    names.push(name);
    const held = Math.min(allocations.end[i], facts.end_ns) - allocations.time[i];
    weights.set(name, (weights.get(name) ?? 0) + held * allocations.bytes[i]);
  }
  const sorted = [...weights].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const shown = sorted.length <= mostGroups + 1 ? sorted : sorted.slice(0, mostGroups);
  const rank = new Map(shown.map((name, index) => [name, index]));
  if (shown.length < sorted.length) shown.push(`${sorted.length - shown.length} others`);
  const of = Uint8Array.from(names, (name) => rank.get(name) ?? shown.length - 1);
  return { names: shown, of };
}

// Every change of live memory, in the order of time.
export class Changes {
  readonly count: number;
  readonly allocation: Int32Array; // ~index: it is freed; count: nobody knows whose
  readonly time: Float64Array;
  readonly delta: Float64Array;

  constructor(run: Run) {
    const { allocations, corrections } = run;
    const { count, time, end, bytes } = allocations;
    const freed = Array.from({ length: count }, (_, i) => i).filter((i) => end[i] !== Infinity)
      .sort((a, b) => end[a] - end[b]);
    this.count = count + freed.length + corrections.time.length;
    this.allocation = new Int32Array(this.count);
    this.time = new Float64Array(this.count);
    this.delta = new Float64Array(this.count);
    let made = 0, gone = 0, corrected = 0;
    for (let i = 0; i < this.count; ++i) {
      const at = [corrections.time[corrected] ?? Infinity, end[freed[gone]] ?? Infinity, time[made] ?? Infinity];
      if (at[0] <= at[1] && at[0] <= at[2] && corrected < corrections.time.length) {
        this.put(i, count, at[0], corrections.bytes[corrected++]);
      } else if (at[1] <= at[2]) {
        this.put(i, ~freed[gone], at[1], -bytes[freed[gone]]);
        ++gone;
      } else {
        this.put(i, made, at[2], bytes[made]);
        ++made;
      }
    }
  }

  private put(i: number, allocation: number, time: number, delta: number): void {
    this.allocation[i] = allocation;
    this.time[i] = time;
    this.delta[i] = delta;
  }
}

const changesByRun = new WeakMap<Run, Changes>();

// All charts look at the same.
export function changesOf(run: Run): Changes {
  let changes = changesByRun.get(run);
  if (!changes) changesByRun.set(run, (changes = new Changes(run)));
  return changes;
}

export interface LiveGroup {
  maker: number;
  module: number;
  bytes: number;
  allocations: number[];
}

// What is live at a time, by who made it; the largest first.
export function liveAt(run: Run, at: number): LiveGroup[] {
  const { count, time, end, bytes, maker, module } = run.allocations;
  const groups = new Map<string, LiveGroup>();
  for (let i = 0; i < count && time[i] <= at; ++i) {
    if (end[i] <= at) continue;
    const key = `${maker[i]} ${module[i]}`;
    let group = groups.get(key);
    if (!group) {
      groups.set(key, (group = { maker: maker[i], module: module[i], bytes: 0, allocations: [] }));
    }
    group.bytes += bytes[i];
    group.allocations.push(i);
  }
  return [...groups.values()].sort((a, b) => b.bytes - a.bytes);
}

// Bytes that are live at a time but whose allocation is not in the log.
export function unknownAt(run: Run, at: number): number {
  const { time, bytes } = run.corrections;
  let sum = 0;
  time.forEach((each, i) => { if (each <= at) sum += bytes[i]; });
  return sum;
}
