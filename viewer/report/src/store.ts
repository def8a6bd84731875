// What is looked at: the view, the step, the one selection, the cursor and the
// zoom. Every view reads it and is told when it changes; the address's #... is
// its text, so that a link restores it and "back" goes back.

import { GraphChoices } from "./graph/graph_choices";
import { firstStep, linkOf, stateOf } from "./link";
import { Ranks } from "./run/ranks";
import { Run } from "./run/run";
import { Selection, counterpart, maskOf, nothing, stepOfAllocation } from "./selection";
import { Looking, TableLooks, TableName, usual } from "./widgets/table_look";

export type { Selection } from "./selection";

export interface State {
  rank: number; // index of the log that is looked at
  view: string;
  step: number; // index
  selection: Selection;
  cursor: number | null; // a time, in ns
  range: [from: number, to: number] | null; // what the timeline shows; null: the step
  measure: [from: number, to: number] | null; // what is measured; equal ends: up to the cursor
  memoryBy: string; // whose the live bytes are: a Grouping
  flame: string | null; // the timeline is a flame graph, of this module or, if empty, of the step
  graph: GraphChoices;
  // What is in the middle of the graph, and its scale; null: all of it, or the selection.
  place: [x: number, y: number, scale: number] | null;
  value: string; // the logged one that the overview shows; "": the first
  table: string; // of a view that has several; "": the first
  tables: TableLooks;
  ranksBy: string; // by what ranks are compared: a Measure
  replaying: boolean; // views show what runs at the cursor
}

// What the selected spans are of.
export interface Related {
  names: Set<string>;
  modules: Set<number>;
  lines: Set<number>;
}

export class Store {
  state: State;
  // Of each span: 2 if it is selected, 1 if it is related; null: no selection.
  mask: Uint8Array | null = null;
  private masks = new Map<number, Uint8Array | null>(); // of other ranks
  private moving: number | undefined; // the timer of a movement
  private listeners: ((state: State) => void)[] = [];
  private relatedOf: { mask: Uint8Array | null; related: Related } | null = null;

  constructor(readonly ranks: Ranks) {
    this.state = stateOf(ranks, location.hash);
    this.setMask();
    addEventListener("hashchange", () => {
      clearTimeout(this.moving);
      this.moving = undefined;
      this.state = stateOf(ranks, location.hash);
      this.setMask();
      this.tell();
    });
  }

  // Of the rank that is looked at.
  get run(): Run {
    return this.ranks.all[this.state.rank].run;
  }

  onChange(listener: (state: State) => void): void {
    this.listeners.push(listener);
  }

  // `push`: a place to come back to, not a movement.
  set(change: Partial<State>, push = true): void {
    if (push) this.flush();
    const moved = change.step !== undefined && change.step !== this.state.step;
    Object.assign(this.state, change);
    const { selection } = this.state;
    if (change.selection || (moved && selection.kind === "path")) this.setMask();
    if (!push && (change.range || change.cursor || change.measure || change.tables)) this.writeSoon();
    else this.write(push);
    this.tell();
  }

  // A movement that no other view follows.
  note(change: Partial<State>): void {
    Object.assign(this.state, change);
    this.writeSoon();
  }

  // Many times a second: too often for the address.
  play(cursor: number): void {
    this.state.cursor = cursor;
    this.tell();
  }

  select(selection: Selection, change: Partial<State> = {}): void {
    const { spans } = this.run;
    if (selection.kind === "span") {
      change = { step: spans.step[selection.span], cursor: spans.start[selection.span], ...change };
    }
    if (selection.kind === "allocation") {
      change = { step: stepOfAllocation(this.run, selection.allocation), ...change };
    }
    if (change.step !== undefined && change.step !== this.state.step && !change.range) {
      change.range = null;
    }
    this.set({ selection, ...change });
  }

  // How a table is looked at. A filter is typed letter by letter: that is a movement.
  looking(name: TableName): Looking {
    const now = () => this.state.tables[name] ?? usual;
    return {
      now,
      change: (change) =>
        this.set({ tables: { ...this.state.tables, [name]: { ...now(), ...change } } }, change.filter === undefined),
    };
  }

  clear(): void {
    if (this.state.selection.kind !== "none" || this.state.measure) this.set({ selection: nothing, measure: null });
  }

  goToStep(step: number): void {
    const last = this.run.summary.steps.length - 1;
    this.set({ step: Math.max(0, Math.min(step, last)), cursor: null, range: null });
  }

  // The same step, instant and selection, in the log of another rank. `tell`:
  // nothing else follows at once.
  goToRank(rank: number, tell = true): void {
    const { ranks, state, run } = this;
    if (rank === state.rank || !ranks.all[rank]) return;
    this.flush();
    const by = ranks.shift(state.rank, rank);
    const there = ranks.all[rank].run;
    const selection = counterpart(run, there, state.selection);
    const step = there.stepIndex(run.summary.steps[state.step]?.number);
    const { cursor, range, measure } = state;
    const moved = (ends: [number, number] | null): [number, number] | null => ends && [ends[0] + by, ends[1] + by];
    Object.assign(state, {
      rank, selection, cursor: cursor === null ? null : cursor + by, range: moved(range), measure: moved(measure),
    });
    state.step = step < 0 ? firstStep(there) : step;
    this.setMask();
    if (tell) this.set({});
  }

  // As `mask`, of any rank.
  maskOf(rank: number): Uint8Array | null {
    const { state, ranks } = this;
    if (rank === state.rank) return this.mask;
    let mask = this.masks.get(rank);
    if (mask === undefined) {
      const { run } = ranks.all[rank];
      const step = run.stepIndex(this.run.summary.steps[state.step]?.number);
      const selection = counterpart(this.run, run, state.selection);
      mask = selection.kind === "none" && state.selection.kind !== "none" ? new Uint8Array(run.spans.count)
        : maskOf(run, step < 0 && selection.kind === "path" ? nothing : selection, step);
      this.masks.set(rank, mask);
    }
    return mask;
  }

  private setMask(): void {
    this.mask = maskOf(this.run, this.state.selection, this.state.step);
    this.masks.clear();
  }

  visibleRange(): [number, number] {
    return this.state.range ?? this.run.stepRange(this.state.step);
  }

  get related(): Related {
    if (this.relatedOf?.mask === this.mask) return this.relatedOf!.related;
    const related: Related = { names: new Set(), modules: new Set(), lines: new Set() };
    const { spans } = this.run;
    for (let i = 0; this.mask && i < spans.count; ++i) {
      if (this.mask[i] < 2) continue;
      related.names.add(this.run.operator(i).name);
      related.modules.add(spans.module[i]);
      related.lines.add(spans.line[i]);
    }
    this.relatedOf = { mask: this.mask, related };
    return related;
  }

  private tell(): void {
    for (const listener of this.listeners) listener(this.state);
  }

  // The place that a movement ended at is one to come back to.
  private flush(): void {
    if (this.moving !== undefined) this.write(false);
  }

  // A movement: the address is that of where it ends.
  private writeSoon(): void {
    clearTimeout(this.moving);
    this.moving = setTimeout(() => this.write(false), 150);
  }

  private write(push: boolean): void {
    clearTimeout(this.moving);
    this.moving = undefined;
    const hash = linkOf(this.ranks, this.state);
    if (hash === location.hash) return;
    if (push) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
  }
}
