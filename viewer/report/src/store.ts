// What is looked at: the view, the step, the one selection, the cursor and the
// zoom. Every view reads it and is told when it changes; the address's #... is
// its text, so that a link restores it and "back" goes back.

import { GraphChoices, readChoices, writeChoices } from "./graph/graph_choices";
import { Ranks } from "./run/ranks";
import { Run } from "./run/run";
import { Selection, counterpart, maskOf, nothing, parseSelection, selectionText, stepOfAllocation } from "./selection";

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
    this.state = { rank: 0, view: "overview", step: 0, selection: nothing,
                   cursor: null, range: null, measure: null, flame: null, memoryBy: "module", graph: readChoices(new URLSearchParams()), replaying: false };
    this.read();
    addEventListener("hashchange", () => {
      clearTimeout(this.moving);
      this.moving = undefined;
      this.read();
      this.tell();
    });
  }

  // Of the rank that is looked at.
  get run(): Run {
    return this.ranks.all[this.state.rank].run;
  }

  // The last kept step that is whole: as the tool's `export` chooses.
  private firstStep(): number {
    const { steps } = this.run.summary;
    let last = -1, whole = -1;
    steps.forEach((step, i) => {
      if (!this.run.isKept(i)) return;
      last = i;
      if (step.duration_ns !== null) whole = i;
    });
    return Math.max(whole >= 0 ? whole : last, 0);
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
    if (!push && (change.range || change.cursor || change.measure)) this.writeSoon();
    else this.write(push);
    this.tell();
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
    state.step = step < 0 ? this.firstStep() : step;
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
    const { view, step, cursor, range, measure, flame, memoryBy } = this.state;
    const words = new URLSearchParams({ view });
    const number = this.run.summary.steps[step]?.number;
    if (number !== undefined) words.set("step", String(number));
    if (this.ranks.all.length > 1) words.set("rank", String(this.state.rank));
    const selection = selectionText(this.run, this.state.selection);
    if (selection) words.set("select", selection);
    if (cursor !== null) words.set("at", String(Math.round(cursor)));
    if (range) words.set("range", range.map(Math.round).join("-"));
    if (measure) words.set("measure", measure.map(Math.round).join("-"));
    if (memoryBy !== "module") words.set("memory", memoryBy);
    if (flame !== null) words.set("flame", flame);
    writeChoices(this.state.graph, words);
    const hash = `#${words}`;
    if (hash === location.hash) return;
    if (push) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
  }

  private read(): void {
    const words = new URLSearchParams(location.hash.slice(1));
    this.state.rank = this.ranks.all[Number(words.get("rank"))] ? Number(words.get("rank")) : 0;
    const step = words.has("step") ? this.run.stepIndex(Number(words.get("step"))) : -1;
    const time = (text: string | null) => {
      const number = text ? Number(text) : NaN;
      return Number.isFinite(number) ? number : null;
    };
    const ends = (name: string): [number, number] | null => {
      const [from, to, more] = (words.get(name) ?? "").split("-").map(time);
      return typeof from === "number" && typeof to === "number" && more === undefined ? [from, to] : null;
    };
    const range = ends("range");
    const selection = parseSelection(this.run, words.get("select"));
    const ofSpan = selection.kind === "span" ? this.run.spans.step[selection.span] : this.firstStep();
    this.state = {
      rank: this.state.rank,
      view: words.get("view") ?? "overview",
      step: step >= 0 ? step : ofSpan,
      selection,
      cursor: time(words.get("at")),
      range: range && range[0] < range[1] ? range : null,
      measure: ends("measure"),
      flame: words.get("flame"),
      memoryBy: words.get("memory") ?? "module",
      graph: readChoices(words),
      replaying: this.state.replaying,
    };
    this.setMask();
  }
}
