// What is looked at: the view, the step, the one selection, the cursor and the
// zoom. Every view reads it and is told when it changes; the address's #... is
// its text, so that a link restores it and "back" goes back.

import { criticalPath } from "./run/critical_path";
import { firstAt } from "./run/facts";
import { GraphChoices, readChoices, writeChoices } from "./graph/graph_choices";
import { Run, none } from "./run/run";

export type Selection =
  | { kind: "none" }
  | { kind: "span"; span: number }
  | { kind: "module"; module: number }
  | { kind: "name"; name: string } // all calls of an op or node
  | { kind: "line"; line: number } // of facts.lines
  | { kind: "text"; text: number } // all that have this type among theirs
  | { kind: "allocation"; allocation: number }
  | { kind: "path" }; // the critical path of the step

export interface State {
  view: string;
  step: number; // index
  selection: Selection;
  cursor: number | null; // a time, in ns
  range: [from: number, to: number] | null; // what the timeline shows; null: the step
  graph: GraphChoices;
  replaying: boolean; // views show what runs at the cursor
}

const nothing: Selection = { kind: "none" };

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
  private listeners: ((state: State) => void)[] = [];
  private relatedOf: { mask: Uint8Array | null; related: Related } | null = null;

  constructor(readonly run: Run) {
    this.state = { view: "overview", step: this.firstStep(), selection: nothing,
                   cursor: null, range: null, graph: readChoices(new URLSearchParams()), replaying: false };
    this.read();
    addEventListener("hashchange", () => {
      this.read();
      this.tell();
    });
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
    const moved = change.step !== undefined && change.step !== this.state.step;
    Object.assign(this.state, change);
    const { selection } = this.state;
    if (change.selection || (moved && selection.kind === "path")) this.mask = this.maskOf(selection);
    this.write(push);
    this.tell();
  }

  // Many times a second: too often for the address.
  play(cursor: number): void {
    this.state.cursor = cursor;
    this.tell();
  }

  select(selection: Selection, change: Partial<State> = {}): void {
    const { spans, allocations } = this.run;
    if (selection.kind === "span") {
      change = { step: spans.step[selection.span], cursor: spans.start[selection.span], ...change };
    }
    if (selection.kind === "allocation") {
      const { allocation } = selection;
      change = { step: this.run.stepAt(allocations.time[allocation]), ...change };
    }
    if (change.step !== undefined && change.step !== this.state.step && !change.range) {
      change.range = null;
    }
    this.set({ selection, ...change });
  }

  clear(): void {
    if (this.state.selection.kind !== "none") this.set({ selection: nothing });
  }

  goToStep(step: number): void {
    const last = this.run.summary.steps.length - 1;
    this.set({ step: Math.max(0, Math.min(step, last)), cursor: null, range: null });
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

  private maskOf(selection: Selection): Uint8Array | null {
    const { spans, allocations, facts } = this.run;
    if (selection.kind === "none") return null;
    const mask = new Uint8Array(spans.count);
    const fill = (test: (span: number) => boolean) => {
      for (let i = 0; i < spans.count; ++i) if (test(i)) mask[i] = 2;
    };
    switch (selection.kind) {
      case "module": {
        const inside = facts.modules.map((_, i) => this.run.isInModule(i, selection.module));
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
      case "path":
        this.markPath(mask);
        break;
      case "span":
      case "allocation": {
        const span = selection.kind === "span" ? selection.span
          : allocations.span[selection.allocation];
        if (span !== none) this.markSpan(span, mask);
      }
    }
    return mask;
  }

  // A span, what is inside it, and its partners in the other direction.
  private markSpan(span: number, mask: Uint8Array): void {
    const { spans } = this.run;
    if (spans.forward[span] !== none) mask[spans.forward[span]] = 1;
    const [, last] = this.run.spansOfStep(spans.step[span]);
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

  private markPath(mask: Uint8Array): void {
    const { spans } = this.run;
    for (const { span } of criticalPath(this.run, this.state.step).parts) {
      if (span === none) continue;
      mask[span] = 2;
      for (let i = span + 1; i < spans.count && spans.start[i] < spans.end[span]; ++i) {
        if (mask[spans.parent[i]] > 0 && spans.thread[i] === spans.thread[span]) mask[i] = Math.max(mask[i], 1);
      }
    }
  }

  private selectionText(): string | null {
    const { selection } = this.state;
    const { facts } = this.run;
    switch (selection.kind) {
      case "none": return null;
      case "path": return "path";
      case "span": return `span:${this.spanText(selection.span)}`;
      case "module": return `module:${facts.modules[selection.module].path}`;
      case "name": return `op:${selection.name}`;
      case "line": return `line:${this.lineKey(selection.line)}`;
      case "text": return `type:${facts.texts[selection.text]}`;
      case "allocation": return `allocation:${this.allocationText(selection.allocation)}`;
    }
  }

  // Links tell a span by its step and how-many-th it is in there, so that they
  // hold for a report of other steps too; allocations likewise.
  private spanText(span: number): string {
    const step = this.run.spans.step[span];
    return `${this.run.summary.steps[step]?.number}.${span - this.run.spansOfStep(step)[0]}`;
  }

  private allocationText(allocation: number): string {
    const { time } = this.run.allocations;
    const step = this.run.stepAt(time[allocation]);
    const from = firstAt(time, this.run.stepRange(step)[0]);
    return `${this.run.summary.steps[step]?.number}.${allocation - from}`;
  }

  private lineKey(line: number): string {
    const { file, line: number, function: name } = this.run.facts.lines[line];
    return [file ?? "", number ?? "", name ?? ""].join(":");
  }

  // "STEP.INDEX" as the number of a span or allocation.
  private placeOf(text: string, range: (step: number) => [from: number, to: number]): number {
    const words = /^(\d+)\.(\d+)$/.exec(text);
    const step = words ? this.run.stepIndex(Number(words[1])) : -1;
    if (!words || step < 0) return none;
    const [from, to] = range(step);
    return from + Number(words[2]) < to ? from + Number(words[2]) : none;
  }

  private allocationsOfStep(step: number): [from: number, to: number] {
    const [from, to] = this.run.stepRange(step);
    const { time } = this.run.allocations;
    return [firstAt(time, from), firstAt(time, to)];
  }

  private parseSelection(text: string | null): Selection {
    if (!text) return nothing;
    if (text === "path") return { kind: "path" };
    const colon = text.indexOf(":");
    const [kind, rest] = [text.slice(0, colon), text.slice(colon + 1)];
    const { facts } = this.run;
    const valid = (index: number, selection: Selection) => (index === none ? nothing : selection);
    switch (kind) {
      case "span": {
        const span = this.placeOf(rest, (step) => this.run.spansOfStep(step));
        return valid(span, { kind, span });
      }
      case "line": {
        const line = facts.lines.findIndex((_, i) => this.lineKey(i) === rest);
        return valid(line, { kind, line });
      }
      case "allocation": {
        const allocation = this.placeOf(rest, (step) => this.allocationsOfStep(step));
        return valid(allocation, { kind, allocation });
      }
      case "module": {
        const module = this.run.moduleIndex.get(rest) ?? none;
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

  private write(push: boolean): void {
    const { view, step, cursor, range } = this.state;
    const words = new URLSearchParams({ view });
    const number = this.run.summary.steps[step]?.number;
    if (number !== undefined) words.set("step", String(number));
    const selection = this.selectionText();
    if (selection) words.set("select", selection);
    if (cursor !== null) words.set("at", String(Math.round(cursor)));
    if (range) words.set("range", range.map(Math.round).join("-"));
    writeChoices(this.state.graph, words);
    const hash = `#${words}`;
    if (hash === location.hash) return;
    if (push) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
  }

  private read(): void {
    const words = new URLSearchParams(location.hash.slice(1));
    const step = words.has("step") ? this.run.stepIndex(Number(words.get("step"))) : -1;
    const time = (text: string | null) => {
      const number = text ? Number(text) : NaN;
      return Number.isFinite(number) ? number : null;
    };
    const ends = (words.get("range") ?? "").split("-").map(time);
    const selection = this.parseSelection(words.get("select"));
    const ofSpan = selection.kind === "span" ? this.run.spans.step[selection.span] : this.firstStep();
    this.state = {
      view: words.get("view") ?? "overview",
      step: step >= 0 ? step : ofSpan,
      selection,
      cursor: time(words.get("at")),
      range: ends.length === 2 && ends[0] !== null && ends[1] !== null && ends[0] < ends[1]
        ? [ends[0], ends[1]] : null,
      graph: readChoices(words),
      replaying: this.state.replaying,
    };
    this.mask = this.maskOf(selection);
  }
}
