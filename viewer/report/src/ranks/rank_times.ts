// How long each rank took for each step, and whether one is slower than others.
//
// Ranks that exchange gradients end their steps together, whoever was slow. So
// beside the time of a step there is a rank's own: that in ops and backward nodes
// which are no collective, since in these a rank waits for others.

import { Ranks } from "../run/ranks";
import { Run } from "../run/run";

export type Measure = "step" | "own";

export interface RankTimes {
  steps: number[]; // numbers of all steps that any rank has
  of: (number | null)[][]; // by rank, then as `steps`, in ns; null: not known
  ratio: (number | null)[][]; // to the median of the ranks in that step
}

const isCollective = (name: string) => /^(c10d::|gloo:|nccl:|mpi:|ucc:|record_param_comms$)/.test(name);

export function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// By index of step; of those whose events are in the page.
function ownTimes(run: Run): (number | null)[] {
  const { spans, summary, facts } = run;
  const times: (number | null)[] = summary.steps.map((_, i) => (run.isKept(i) ? 0 : null));
  const counted = facts.operators.map(({ kind, name }) => (kind === "op" || kind === "backward") && !isCollective(name));
  for (let i = 0; i < spans.count; ++i) {
    const step = spans.step[i];
    if (spans.nested[i] || !counted[spans.name[i]] || times[step] === null || Number.isNaN(spans.end[i])) continue;
    times[step] = times[step]! + spans.end[i] - spans.start[i];
  }
  return times;
}

function timesOf(run: Run, measure: Measure): Map<number, number | null> {
  const { steps } = run.summary;
  const own = measure === "own" ? ownTimes(run) : null;
  return new Map(steps.map((step, i) => [step.number, own ? own[i] : step.duration_ns]));
}

function find({ all }: Ranks, measure: Measure): RankTimes {
  const byRank = all.map(({ run }) => timesOf(run, measure));
  const steps = [...new Set(byRank.flatMap((times) => [...times.keys()]))].sort((a, b) => a - b);
  const of = byRank.map((times) => steps.map((step) => times.get(step) ?? null));
  const middle = steps.map((_, i) => {
    const known = of.flatMap((times) => times[i] ?? []);
    return known.length > 1 ? median(known) : 0;
  });
  const ratio = of.map((times) => times.map((time, i) => (time === null || middle[i] === 0 ? null : time / middle[i])));
  return { steps, of, ratio };
}

const known = new WeakMap<Ranks, { [measure in Measure]?: RankTimes }>();

export function rankTimes(ranks: Ranks, measure: Measure): RankTimes {
  let times = known.get(ranks);
  if (!times) known.set(ranks, (times = {}));
  return times[measure] ??= find(ranks, measure);
}

// In how many steps each rank was the slowest.
export function slowestIn({ steps, of }: RankTimes): number[] {
  const counts = of.map(() => 0);
  steps.forEach((_, i) => {
    let slowest = -1;
    of.forEach((times, rank) => {
      if (times[i] !== null && (slowest < 0 || times[i]! > of[slowest][i]!)) slowest = rank;
    });
    if (slowest >= 0) ++counts[slowest];
  });
  return counts;
}

export interface Straggler {
  rank: number;
  ratio: number; // its median to the ranks' median
  slowest: number; // steps
  steps: number; // of so many in which ranks can be compared
}

const leastRatio = 1.1;

// The rank that takes clearly longer than the others in most of the steps; null:
// there is none.
export function straggler(times: RankTimes): Straggler | null {
  const counts = slowestIn(times);
  const compared = times.steps.filter((_, i) => times.ratio.some((ratios) => ratios[i] !== null)).length;
  const rank = counts.indexOf(Math.max(...counts));
  const ratios = times.ratio[rank]?.flatMap((ratio) => ratio ?? []) ?? [];
  if (ratios.length === 0 || counts[rank] * 2 <= compared) return null;
  const ratio = median(ratios);
  return ratio < leastRatio ? null : { rank, ratio, slowest: counts[rank], steps: compared };
}
