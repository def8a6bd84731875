// The first screen: what to look at, where the time and the memory went, and
// whether the numbers can be trusted.

import { Share, StepChart, ValueChart, shareRows } from "./charts";
import { button, card, keepingFocus, make, setText, shortName } from "../widgets/dom";
import { makerText } from "../run/facts";
import { findings } from "./findings";
import { Run, none } from "../run/run";
import { Store } from "../store";
import { Timeline } from "../timeline/timeline";
import { bytes, count, known, share, time, value } from "../widgets/units";
import { View } from "../widgets/view";

const shownRows = 9;

function findingsCard(store: Store): HTMLElement {
  const list = make("ol", { class: "findings" });
  for (const { text, detail, selection, change } of findings(store.run)) {
    list.append(make("li", {}, make("button", {
      type: "button", onclick: () => store.select(selection, change),
    }, make("b", { text }), make("span", { text: detail }))));
  }
  return card("What to look at first", null, list);
}

function stepsCard(store: Store, chart: StepChart): HTMLElement {
  const timed = store.run.summary.steps.flatMap(({ duration_ns }) => duration_ns ?? []);
  const sorted = [...timed].sort((a, b) => a - b);
  const at = (ratio: number) => sorted[Math.max(Math.ceil(ratio * sorted.length), 1) - 1];
  const aside = make("span", { class: "aside" });
  if (sorted.length) {
    aside.append(`median ${time(at(0.5))}, p95 ${time(at(0.95))}  `,
      make("i", { class: "forward" }), "other ops ", make("i", { class: "backward" }), "backward ",
      make("i", { class: "between" }), "between");
  }
  return card("Time of each step", aside, chart.element);
}

// One value, and of several a choice of which.
function valueCard(store: Store): View {
  const { values } = store.run.summary;
  if (values.length === 0) {
    const none = make("p", { class: "empty", text: "The program logged none." });
    return { element: card("Logged values", null, none), update: () => {} };
  }
  const chart = new ValueChart(store);
  const ends = make("span");
  const choice = make("select", { id: "value", label: "value" });
  for (const { name } of values) choice.append(make("option", { text: name }));
  choice.onchange = () => store.set({ value: choice.selectedIndex === 0 ? "" : values[choice.selectedIndex].name });
  const several = values.length > 1;
  const element = card(several ? "Values" : values[0].name,
    make("span", { class: "aside" }, ends, several ? choice : null), chart.element);
  const update = () => {
    const shown = Math.max(values.findIndex((each) => each.name === store.state.value), 0);
    const { name, first, last } = values[shown];
    choice.selectedIndex = shown;
    setText(ends, `${known(first, value)} \u2192 ${known(last, value)} `);
    chart.show(name);
  };
  return { element, update };
}

// What a module does itself, so that the rows add up.
function moduleRows(store: Store): Share[] {
  const { run, state } = store;
  const { unattributed, optimizer } = run.summary;
  const rows: { name: string; module: number; parts: [number, number] }[] = run.moduleTotals.map((total, module) =>
    ({ name: total.path, module, parts: [total.self_forward_ns, total.self_backward_ns] }));
  rows.push({ name: "(optimizer)", module: none, parts: [optimizer.time_ns, 0] },
    { name: "(no module)", module: none, parts: [unattributed.forward_ns ?? 0, unattributed.backward_ns ?? 0] });
  return rows.filter(({ parts }) => parts[0] + parts[1] > 0)
    .sort((a, b) => b.parts[0] + b.parts[1] - a.parts[0] - a.parts[1])
    .map(({ name, module, parts }) => ({
      name, parts, text: share(parts[0] + parts[1], run.outermostNs),
      selected: module !== none && state.selection.kind === "module" && state.selection.module === module,
      onclick: module === none ? null : () => store.select({ kind: "module", module }),
    }));
}

function opRows(store: Store): Share[] {
  const { summary } = store.run;
  const { selection } = store.state;
  const all = summary.ops.reduce((sum, op) => sum + op.self_ns, 0);
  return [...summary.ops].sort((a, b) => b.self_ns - a.self_ns).map((op) => ({
    name: shortName(op.name), parts: [op.forward_self_ns ?? 0, op.backward_self_ns ?? 0],
    text: share(op.self_ns, all), selected: selection.kind === "name" && selection.name === op.name,
    onclick: () => store.select({ kind: "name", name: op.name }),
  }));
}

function holderRows(store: Store): Share[] {
  const { run, state } = store;
  const { memory } = run.summary;
  if (!memory) return [];
  return memory.holders.map((holder) => {
    const module = holder.module === null ? none : run.moduleIndex.get(holder.module) ?? none;
    const maker = run.facts.operators.findIndex((operator) => operator.name === holder.maker);
    return {
      // Of many names only the beginning is seen: what tells them apart comes first.
      name: module === none ? makerText(run, maker, none) : `${run.modulePath(module)}: ${makerText(run, maker, none)}`, parts: [holder.bytes, 0] as [number, number],
      text: bytes(holder.bytes),
      selected: state.selection.kind === "module" && state.selection.module === module,
      onclick: () => store.select(
        module !== none ? { kind: "module", module }
          : holder.maker ? { kind: "name", name: holder.maker } : { kind: "none" },
        { cursor: memory.peak_time_ns }),
    };
  });
}

function shareCard(title: string, aside: string, rows: Share[], more: HTMLElement, recorded = true): HTMLElement {
  const most = rows.reduce((high, { parts }) => Math.max(high, parts[0] + parts[1]), 0);
  const left = rows.length - shownRows;
  return card(title, make("span", { class: "aside" }, document.createTextNode(aside + "  "), more),
    rows.length ? shareRows(rows.slice(0, shownRows), most)
      : make("p", { class: "empty", text: recorded ? "None." : "Not recorded." }),
    make("p", { class: "more", text: left > 0 ? `and ${left} more` : "" }));
}

// What the program did, but the log has not.
function lostText({ summary }: Run): string {
  const { run, device_time, kernels } = summary;
  const sum = (lost: Record<string, number> | undefined) => Object.values(lost ?? {}).reduce((all, each) => all + each, 0);
  const parts: [number, string][] = [[run.dropped_events, "events"], [sum(device_time?.lost), "times of devices"],
    [sum(kernels?.lost), "kernels and copies"]];
  return parts.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`).join(", ") || "nothing";
}

// What recording took of the program's own threads, as `torchtape info` says it.
function costText({ facts }: Run): string {
  const { own_cost: cost } = facts;
  if (!cost) return "not measured";
  const sum = cost.calls.reduce((all, { total_ns }) => all + total_ns, 0);
  return `about ${time(sum)}` + (cost.slowdown === null ? " of its threads' time"
    : `, the program ${(100 * cost.slowdown).toFixed(1)} % slower`);
}

function trustCard(store: Store): HTMLElement {
  const { facts, summary } = store.run;
  const { run, memory } = summary;
  const seconds = facts.end_ns;
  const audits = facts.audits.reduce((sum, audit) =>
    ({ seen: sum.seen + audit.tapped_ops, missed: sum.missed + audit.missed_ops }), { seen: 0, missed: 0 });
  const rows: [name: string, text: string, title?: string][] = [
    ["recorded", `${count(run.events)} events in ${time(seconds)} by ${run.op_source}`],
    ["lost", lostText(store.run)],
    ["coverage", facts.audits.length
      ? `taps saw ${count(audits.seen)} of ${count(audits.seen + audits.missed)} calls` : ""],
    ["cost", costText(store.run), facts.own_cost?.calls.map(({ kind, ns_per_call, thread }) =>
      `${kind} ${time(ns_per_call)} a call on thread ${thread}`).join(", ")],
    ["writing", run.writer_cpu_ns === null ? "not known"
      : `${time(run.writer_cpu_ns)} beside it, ${share(run.writer_cpu_ns, seconds)} of the run`],
    ["log", `${bytes(run.size_bytes)}${run.finished ? "" : ", not finished"}${run.damaged ? ", damaged" : ""}`],
    ["memory", memory ? `${count(memory.alloc_count)} allocations of ${bytes(memory.allocated_bytes)}`
      : "not recorded"],
    ["machine", `${run.host}, ${run.devices.map((device) => device.model || device.name).join(", ")}`],
    ["LibTorch", `${run.torch_version}, pid ${run.pid}` + (run.rank === null ? "" : `, rank ${run.rank}`)],
    ["start", run.start_wall_ns ? new Date(run.start_wall_ns / 1e6).toISOString().replace("T", " ").slice(0, 19) + " UTC" : ""],
  ];
  const list = make("dl", { class: "facts" });
  for (const [name, text, title] of rows) {
    if (text) list.append(make("dt", { text: name }), make("dd", { text, title: title || text }));
  }
  return card("The recording", null, list);
}

export function overview(store: Store): View {
  const { run } = store;
  const steps = new StepChart(store);
  const values = valueCard(store);
  const timeline = new Timeline(store, true);
  const element = make("div", { class: "overview" });
  const { memory } = run.summary;
  const link = (text: string, view: string) => button(text, () => store.set({ view }), { class: "link" });
  const shares = make("div", { class: "row three" });
  const stepTitle = make("span", { class: "aside" });
  element.append(
    make("div", { class: "row first" }, findingsCard(store), stepsCard(store, steps), values.element),
    shares,
    make("div", { class: "row last" }, card("Timeline", stepTitle, timeline.element), trustCard(store)));
  return {
    element,
    update: () => {
      keepingFocus(shares, () => shares.replaceChildren(
        shareCard("Time by module", "own ops", moduleRows(store), link("all", "modules")),
        shareCard("Time by op", "self time", opRows(store), link("all", "ops")),
        shareCard("Memory at the peak", memory ? `${bytes(memory.peak_bytes)}, step ${memory.peak_step}` : "",
          holderRows(store), link("over time", "memory"), !!memory)));
      const [from, to] = run.stepRange(store.state.step);
      stepTitle.replaceChildren(
        `step ${run.summary.steps[store.state.step]?.number ?? ""}, ${time(to - from)}  `, link("open", "timeline"));
      steps.redraw();
      timeline.redraw();
      values.update();
    },
    onKey: (event) => event.key.startsWith("Arrow") && timeline.onKey(event),
  };
}
