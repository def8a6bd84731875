// The facts of what is selected, with ways to what it is connected to.

import { button, make, shortName, typeName } from "./widgets/dom";
import { allocatedText, deviceText, durationOf, lineText, makerText, operatorText, sourceText } from "./run/facts";
import { pathFacts, pathTitle } from "./timeline/path_facts";
import { none } from "./run/run";
import { Selection, Store } from "./store";
import { bytes, count, known, share, time } from "./widgets/units";
import { spanWorkText, workText } from "./run/work";

type Fact = [name: string, content: string | Node | null];

const mostLinks = 12;

export class Panel {
  readonly element = make("aside", { class: "panel", label: "what is selected", tabIndex: -1 });

  private shown: { selection: Selection; step: number; cursor: number | null } | null = null;

  constructor(private store: Store) {
    this.element.setAttribute("aria-live", "polite");
  }

  // Called in every frame of a movement, so it makes anew only what has changed.
  update(): void {
    const { selection, step } = this.store.state;
    const cursor = selection.kind === "path" ? this.store.state.cursor : null;
    if (this.shown?.selection === selection && this.shown.step === step && this.shown.cursor === cursor) return;
    this.shown = { selection, step, cursor };
    this.element.hidden = selection.kind === "none";
    if (selection.kind === "none") return;
    const close = button("\u00d7", () => this.store.clear(), { class: "close", label: "clear the selection" });
    const [kind, title, facts] = this.facts(selection);
    const list = make("dl");
    for (const [name, content] of facts) {
      if (content === null || content === "") continue;
      list.append(make("dt", { text: name }),
        typeof content === "string" ? make("dd", { text: content }) : make("dd", {}, content));
    }
    const hadFocus = this.element.contains(document.activeElement);
    this.element.replaceChildren(
      make("header", {}, make("span", { class: "kind", text: kind }), close),
      make("h2", { text: title }), list, this.shows());
    if (hadFocus) this.element.focus(); // Tab goes on from there
  }

  // The selection in the other views.
  private shows(): HTMLElement {
    const { store } = this;
    const go = (view: string) => button(view, () => store.set({ view }));
    return make("div", { class: "shows" }, make("span", { text: "show in" }), go("graph"),
      go("timeline"), go("memory"), go("modules"), go("ops"), go("source"));
  }

  private facts(selection: Selection): [string, string, Fact[]] {
    const { run } = this.store;
    switch (selection.kind) {
      case "span":
        return [run.operator(selection.span).kind, operatorText(run, selection.span),
                this.spanFacts(selection.span)];
      case "module":
        return ["module", run.modulePath(selection.module), this.moduleFacts(selection.module)];
      case "name": return ["all calls", selection.name, this.maskFacts()];
      case "line":
        return ["line", lineText(run, selection.line),
                [["file", run.facts.lines[selection.line].file], ...this.maskFacts()]];
      case "text": return ["type", run.facts.texts[selection.text], this.maskFacts()];
      case "activity": {
        const { kind, name } = run.facts.activities[selection.activity];
        return [kind, name || kind, [...this.activityFacts(selection.activity), ...this.maskFacts()]];
      }
      case "allocation":
        return ["allocation", bytes(run.allocations.bytes[selection.allocation]),
                this.allocationFacts(selection.allocation)];
      case "path":
        return ["critical path", pathTitle(run, this.store.state.step),
                pathFacts(this.store, (span, ns) => this.spanLink(span, ns))];
      case "none": return ["", "", []];
    }
  }

  private spanLink(span: number, ns = durationOf(this.store.run, span)): HTMLElement {
    const { run } = this.store;
    const row = button("", () => this.store.select({ kind: "span", span }), { class: "link" });
    row.append(make("span", { class: "name", text: `${shortName(run.operator(span).name)}  ` }),
      make("span", { class: "number", text: known(ns, time) }));
    return row;
  }

  private spanLinks(spans: number[]): Node | null {
    if (spans.length === 0) return null;
    const more = spans.length - mostLinks;
    return make("div", { class: "links" }, ...spans.slice(0, mostLinks).map((span) => this.spanLink(span)),
      more > 0 ? make("span", { text: `and ${count(more)} more` }) : null);
  }

  private moduleLink(module: number): Node | null {
    if (module === none) return null;
    return button(this.store.run.modulePath(module),
      () => this.store.select({ kind: "module", module }), { class: "link" });
  }

  private lineLink(line: number): Node | null {
    if (line === none) return null;
    return button(lineText(this.store.run, line),
      () => this.store.select({ kind: "line", line }), { class: "link" });
  }

  private typesList(text: number): Node | null {
    if (!text) return null;
    const { texts } = this.store.run.facts;
    return make("div", { class: "types" },
      ...texts[text].split(/, (?=[a-z_0-9]+=|[a-z]+\d*\[)/).map((each) => make("div", { text: each })));
  }

  private spanFacts(span: number): Fact[] {
    const { run } = this.store;
    const { spans } = run;
    const [from] = run.stepRange(spans.step[span]);
    const makers = new Set<number>(), readers = new Set<number>(), backward: number[] = [];
    for (let edge = spans.edges[span]; edge < spans.edges[span + 1]; ++edge) makers.add(spans.edgeFrom[edge]);
    const [, last] = run.spansOfStep(spans.step[span]);
    for (let i = span + 1; i < last; ++i) {
      if (spans.forward[i] === span) backward.push(i);
      for (let edge = spans.edges[i]; edge < spans.edges[i + 1]; ++edge) {
        if (spans.edgeFrom[edge] === span) readers.add(i);
      }
    }
    const { name } = run.operator(span);
    return [
      ["time", known(durationOf(run, span), time)],
      ["self", known(spans.self[span], time)],
      ["starts", `at ${time(spans.start[span] - from)} of step ${run.summary.steps[spans.step[span]]?.number}`],
      ["ended", spans.threw[span] ? "threw" : null],
      ["module", this.moduleLink(spans.module[span])],
      ["told", spans.module[span] === none ? null : sourceText(run, span)],
      ["work", spanWorkText(run, span)],
      ["on devices", this.devicesOf(span)],
      ["source", this.lineLink(spans.line[span])],
      ["inputs", this.typesList(spans.inputs[span])],
      ["outputs", this.typesList(spans.outputs[span])],
      ["allocated", run.summary.memory ? allocatedText(run, span) : null],
      ["made by", spans.forward[span] === none ? null : this.spanLink(spans.forward[span])],
      ["backward", this.spanLinks(backward)],
      ["inside of", spans.parent[span] === none ? null : this.spanLink(spans.parent[span])],
      ["reads from", this.spanLinks([...makers])],
      ["read by", this.spanLinks([...readers])],
      ["all calls", button(name, () => this.store.select({ kind: "name", name }), { class: "link" })],
    ];
  }

  // What devices did for a span and those inside of it.
  private devicesOf(span: number): Node | null {
    const { run } = this.store;
    const { devices, spans } = run;
    const mine: number[] = [];
    for (let i = 0; i < devices.count; ++i) {
      let owner = devices.span[i];
      if (devices.activity[i] !== none) while (owner > span) owner = spans.parent[owner];
      if (owner === span) mine.push(i);
    }
    if (mine.length === 0) return null;
    const more = mine.length - mostLinks;
    return make("div", { class: "links" }, ...mine.slice(0, mostLinks).map((entry) => {
      const text = `${shortName(deviceText(run, entry))}  ${time(devices.end[entry] - devices.start[entry])}`;
      const activity = devices.activity[entry];
      return activity === none ? make("span", { text })
        : button(text, () => this.store.select({ kind: "activity", activity }), { class: "link" });
    }), more > 0 ? make("span", { text: `and ${count(more)} more` }) : null);
  }

  private activityFacts(activity: number): Fact[] {
    const { devices } = this.store.run;
    let runs = 0, ns = 0, size = 0;
    for (let i = 0; i < devices.count; ++i) {
      if (devices.activity[i] !== activity) continue;
      ++runs;
      ns += devices.end[i] - devices.start[i];
      size += devices.bytes[i];
    }
    return [["runs", `${count(runs)}, ${time(ns)}`], ["bytes", size > 0 ? bytes(size) : null]];
  }

  private moduleFacts(module: number): Fact[] {
    const { run } = this.store;
    const total = run.moduleTotals[module];
    const { parent, type } = run.facts.modules[module];
    return [
      ["type", typeName(type)],
      ["inside of", this.moduleLink(parent)],
      ["calls", known(total.calls, count)],
      ["forward", known(total.forward_ns, time)],
      ["backward", known(total.backward_ns, time)],
      ["parameters", count(total.parameters)],
      ["bytes", bytes(total.bytes)],
      ["peak", total.peak_bytes === null ? null : `${bytes(total.peak_bytes)} live at once of what its ops allocated`],
      ["work", workText(total.work)],
      ["modules", this.childLinks(module)],
      ...this.maskFacts(),
    ];
  }

  private childLinks(module: number): Node | null {
    const children = this.store.run.moduleChildren[module];
    if (children.length === 0) return null;
    const more = children.length - mostLinks;
    return make("div", { class: "links" }, ...children.slice(0, mostLinks).map((child) => this.moduleLink(child)),
      more > 0 ? make("span", { text: `and ${count(more)} more` }) : null);
  }

  // Of all that is selected, in this step and in all that the page has.
  private maskFacts(): Fact[] {
    const { run, mask, state } = this.store;
    if (!mask) return [];
    const { spans } = run;
    const [from, to] = run.spansOfStep(state.step);
    let here = 0, hereNs = 0, all = 0, allNs = 0;
    const firsts: number[] = [];
    for (let i = 0; i < spans.count; ++i) {
      if (mask[i] < 2) continue;
      const kind = run.operator(i).kind;
      if (kind !== "op" && kind !== "backward" && kind !== "range") continue;
      const own = Number.isNaN(spans.self[i]) ? 0 : spans.self[i];
      ++all;
      allNs += own;
      if (i < from || i >= to) continue;
      ++here;
      hereNs += own;
      if (firsts.length < mostLinks && (!spans.nested[i] || state.selection.kind === "name")) firsts.push(i);
    }
    const step = run.summary.steps[state.step]?.number;
    const where = run.facts.kept.steps ? "in this page" : "in all steps";
    const [start, end] = run.stepRange(state.step);
    return [
      [`step ${step}`, `${count(here)} spans, self ${time(hereNs)}, ${share(hereNs, end - start)} of it`],
      [where, `${count(all)} spans, self ${time(allNs)}`],
      ["first ones", this.spanLinks(firsts)],
    ];
  }

  private allocationFacts(allocation: number): Fact[] {
    const { run } = this.store;
    const { allocations } = run;
    const start = allocations.time[allocation], end = allocations.end[allocation];
    const step = run.stepAt(start);
    const link = (span: number) => (span === none ? null : this.spanLink(span));
    return [
      ["made by", makerText(run, allocations.maker[allocation], allocations.module[allocation])],
      ["in", link(allocations.span[allocation])],
      ["module", this.moduleLink(allocations.module[allocation])],
      ["at", `${time(start - run.stepRange(step)[0])} of step ${run.summary.steps[step]?.number}`],
      ["lived", end === Infinity ? "to the end of the log" : time(end - start)],
      ["freed in", link(allocations.freeSpan[allocation])],
    ];
  }
}
