// Live memory over time, and below it what is live at the cursor.

import { button, keepingFocus, make, shortName } from "../widgets/dom";
import { makerText } from "../run/facts";
import { Grouping, LiveGroup, liveAt, roleText, unknownAt } from "./live";
import { MemoryChart } from "./memory_chart";
import { Run, none } from "../run/run";
import { Store } from "../store";
import { Table } from "../widgets/table";
import { theme } from "../widgets/theme";
import { bytes, count, share, time } from "../widgets/units";
import { View } from "../widgets/view";

const mostAllocations = 500; // listed of a group
const replayTableMs = 250;

// A group, or one of its allocations.
interface Row {
  group: LiveGroup;
  parent: Row | null;
  allocation: number;
}

function rowsOf(groups: LiveGroup[]): Row[] {
  return groups.flatMap((group) => {
    const parent: Row = { group, parent: null, allocation: none };
    return [parent, ...group.allocations.slice(0, mostAllocations)
      .map((allocation) => ({ group, parent, allocation }))];
  });
}

function liveTable(store: Store, groups: LiveGroup[], all: number, unknown: number): Table<Row> {
  const { run } = store;
  const { allocations, facts } = run;
  const size = ({ group, allocation }: Row) => allocation === none ? group.bytes : allocations.bytes[allocation];
  // `here`: the number of the step that goes without saying.
  const when = (at: number, here?: number) => {
    const step = run.stepAt(at);
    const text = time(at - run.stepRange(step)[0]);
    const number = run.summary.steps[step]?.number;
    return number === here ? text : `${text} of step ${number}`;
  };
  const freed = (here?: number) => ({ allocation }: Row) => {
    if (allocation === none) return "";
    if (allocations.end[allocation] === Infinity) return "not in this log";
    const span = allocations.freeSpan[allocation];
    return when(allocations.end[allocation], here) + (span === none ? "" : `, ${shortName(run.operator(span).name)}`);
  };
  const made = (here?: number) => ({ allocation }: Row) => (allocation === none ? "" : when(allocations.time[allocation], here));
  const here = run.summary.steps[store.state.step]?.number;
  const type = ({ allocation }: Row) => {
    const span = allocation === none ? none : allocations.span[allocation];
    return span === none ? "" : facts.texts[run.spans.outputs[span]];
  };
  const use = ({ group, allocation }: Row) => !run.summary.memory?.roles ? ""
    : roleText(run, allocation === none ? group.allocations : [allocation]);
  return new Table<Row>({
    name: "live allocations", rows: rowsOf(groups), sort: -1, parent: (row) => row.parent, isOpen: () => false,
    counted: ({ allocation }) => allocation !== none,
    looking: store.looking("live"),
    columns: [
      { name: "made by", csv: "maker",
        value: ({ group }) => makerText(run, group.maker, group.module),
        text: ({ group, allocation }) => allocation === none ? makerText(run, group.maker, group.module)
          : spanName(run, allocations.span[allocation], group.maker) },
      { name: "bytes", csv: "bytes", value: size, text: (row) => bytes(size(row)) },
      { name: "%", csv: "percent", value: (row) => (100 * size(row)) / all, text: (row) => share(size(row), all),
        bar: (row) => size(row) / all },
      { name: "allocations", csv: "allocations",
        value: ({ group, allocation }) => (allocation === none ? group.allocations.length : 1),
        text: ({ group, allocation }) => (allocation === none ? count(group.allocations.length) : "") },
      { name: "for", csv: "role", value: use, text: use },
      { name: "its output", csv: "output", value: type, text: type },
      { name: "made at", csv: "made", value: made(), text: made(here) },
      { name: "freed at, by", csv: "freed", value: freed(), text: freed(here) },
    ],
    total: () => [unknown ? `all, with ${bytes(unknown)} of lost chunks` : "all that is live",
      `${bytes(all)}`, "100 %", count(groups.reduce((sum, group) => sum + group.allocations.length, 0)),
      `${all.toFixed(0)} B exactly`, "", "", ""],
    onSelect: ({ group, allocation }) => {
      if (allocation !== none) {
        store.select({ kind: "allocation", allocation }, { step: store.state.step, range: store.state.range });
      } else if (group.module !== none) store.select({ kind: "module", module: group.module });
      else if (group.maker !== none) store.select({ kind: "name", name: facts.operators[group.maker].name });
    },
    isSelected: ({ allocation }) => store.state.selection.kind === "allocation" &&
      store.state.selection.allocation === allocation,
  });
}

function spanName(run: Run, span: number, maker: number): string {
  if (span !== none) return shortName(run.operator(span).name);
  return makerText(run, maker, none);
}

export function memoryView(store: Store): View {
  const { run } = store;
  const { memory } = run.summary;
  if (!memory) {
    const text = "Memory was not recorded in this run (TrackerOptions::memory, TORCHTAPE_MEMORY).";
    return { element: make("div", { class: "filled" }, make("p", { class: "empty", text })), update: () => {} };
  }
  const chart = new MemoryChart(store);
  const legend = make("div", { class: "legend" });
  const choice = make("div", { class: "choice", role: "group", label: "group by" });
  const names: [Grouping, string][] = [["module", "by module"], ["maker", "by op"], ["pass", "by pass"]];
  if (memory.roles) names.push(["role", "by role"]);
  for (const [grouping, text] of names) {
    choice.append(button(text, () => store.set({ memoryBy: grouping })));
  }
  const peak = button(`Peak: ${bytes(memory.peak_bytes)} in step ${memory.peak_step}`, () => store.set({
    cursor: memory.peak_time_ns, step: Math.max(run.stepIndex(memory.peak_step), 0), range: null }), { id: "peak" });
  const now = make("b", { id: "live" });
  const below = make("div", { class: "below" });
  let shownAt = NaN;
  let shownSelection = store.state.selection;
  let shownLook = store.looking("live").now();
  let table: Table<Row> | null = null;
  let later = 0;
  // In a replay the cursor moves in every frame, faster than one reads tables.
  const mayWait = () => {
    if (!store.state.replaying || !table) return false;
    if (!later) later = window.setTimeout(() => { showTable(); later = 0; }, replayTableMs);
    return true;
  };
  const showTable = () => {
    const [from, to] = run.stepRange(store.state.step);
    const inside = memory.peak_time_ns >= from && memory.peak_time_ns <= to;
    const at = store.state.cursor ?? (inside ? memory.peak_time_ns : to);
    if (at === shownAt) return;
    shownAt = at;
    const groups = liveAt(run, at);
    const unknown = unknownAt(run, at);
    const all = groups.reduce((sum, group) => sum + group.bytes, unknown);
    now.textContent = `${bytes(all)} live at ${time(Math.max(at - from, 0))} of step ` +
      `${run.summary.steps[store.state.step]?.number}`;
    const made = table = liveTable(store, groups, all, unknown);
    keepingFocus(below, () => below.replaceChildren(made.element));
  };
  const update = () => {
    const grouping = names.find(([each]) => each === store.state.memoryBy)?.[0] ?? "module";
    if (grouping !== chart.groupedBy) chart.groupBy(grouping);
    [...choice.children].forEach((each, i) =>
      each.setAttribute("aria-pressed", String(names[i][0] === chart.groupedBy)));
    legend.replaceChildren(...chart.groups.names.map((text, index) => {
      const swatch = make("i");
      swatch.style.background = theme().series[index] ?? theme().faint;
      return make("span", {}, swatch, document.createTextNode(text));
    }));
    if (!mayWait()) showTable();
    const { selection } = store.state, look = store.looking("live").now();
    if (shownSelection !== selection) table?.reveal();
    else if (shownLook !== look) table?.draw();
    [shownSelection, shownLook] = [selection, look];
    chart.redraw();
  };
  const element = make("div", { class: "split" },
    make("div", { class: "filled" }, make("div", { class: "bar" }, choice, legend, peak), chart.element),
    make("div", { class: "bar" }, now, make("span", { text: "click the chart for another instant; \u2190 \u2192 the next change" })),
    below);
  return { element, canvas: chart, update, onKey: (event) => chart.onKey(event) };
}
