// The logs of several processes, on one time axis. One log is a set of one.

import { RankFacts } from "./data";
import { shortPath } from "../widgets/dom";
import { Run } from "./run";

export interface Rank {
  run: Run;
  name: string; // "rank 2", or the log's
  offsetNs: number; // of its start to that of the first one
  clock: number | null; // those with the same number share a clock; null: not known
}

export class Ranks {
  readonly all: Rank[];
  readonly unread: RankFacts["unread"];

  constructor(runs: Run[], readonly facts: RankFacts | null) {
    const numbers = runs.map(({ summary }) => summary.run.rank);
    const isOne = (rank: number | null) => rank !== null && numbers.indexOf(rank) === numbers.lastIndexOf(rank);
    this.all = runs.map((run, i) => ({
      run, name: isOne(numbers[i]) ? `rank ${numbers[i]}` : shortPath(run.summary.run.log),
      offsetNs: facts?.logs[i].offset_ns ?? 0, clock: facts?.logs[i].clock ?? null,
    }));
    this.unread = facts?.unread ?? [];
  }

  // Whether there is more than one to tell of.
  get several(): boolean {
    return this.all.length + this.unread.length > 1;
  }

  // What a time of one log is later by in another.
  shift(from: number, to: number): number {
    return this.all[from].offsetNs - this.all[to].offsetNs;
  }

  // How far times of two logs may be off against each other; null: nobody knows.
  errorNs(a: number, b: number): number | null {
    if (a === b) return 0;
    const [one, other] = [this.all[a].clock, this.all[b].clock];
    return one !== null && one === other ? this.facts!.same_clock_error_ns : null;
  }

  // From the first begin to the last end of all, in times of one log.
  extent(rank: number): [from: number, to: number] {
    let [from, to] = [Infinity, 1];
    this.all.forEach(({ run }, i) => {
      const by = this.shift(i, rank);
      from = Math.min(from, (run.summary.steps[0]?.start_ns ?? 0) + by);
      to = Math.max(to, run.facts.end_ns + by);
    });
    return [from, to];
  }
}
