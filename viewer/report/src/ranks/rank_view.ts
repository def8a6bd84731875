// Ranks beside each other: which of them is slow, in which steps, and how far
// their times can be compared.

import { button, make, shortPath } from "../widgets/dom";
import { Ranks } from "../run/ranks";
import { Store } from "../store";
import { Column, Table } from "../widgets/table";
import { bytes, count, known, plural, time } from "../widgets/units";
import { View } from "../widgets/view";
import { RankChart } from "./rank_chart";
import { Measure, median, rankTimes, slowestIn, straggler } from "./rank_times";

interface Row {
  rank: number;
  name: string; log: string; host: string; pid: number; steps: number; events: number;
  step: number | null; slowestStep: number | null; own: number | null; slowest: number;
  peak: number | null; starts: number; error: number | null;
}

function rowsOf(ranks: Ranks): Row[] {
  const own = rankTimes(ranks, "own"), step = rankTimes(ranks, "step");
  const slowest = slowestIn(own);
  const middle = (times: (number | null)[]) => {
    const all = times.flatMap((each) => each ?? []);
    return all.length ? median(all) : null;
  };
  const first = Math.min(...ranks.all.map(({ offsetNs }) => offsetNs));
  return ranks.all.map(({ run, name, offsetNs }, rank) => ({
    rank, name, log: run.summary.run.log, host: run.summary.run.host, pid: run.summary.run.pid,
    steps: run.summary.steps.length, events: run.summary.run.events,
    step: middle(step.of[rank]), own: middle(own.of[rank]), slowest: slowest[rank],
    slowestStep: step.of[rank].reduce((most: number | null, each) => (each !== null && each > (most ?? -1) ? each : most), null),
    peak: run.summary.memory?.peak_bytes ?? null, starts: offsetNs - first, error: ranks.errorNs(0, rank),
  }));
}

const times = (name: string, csv: string, value: (row: Row) => number | null, hint = ""): Column<Row> =>
  ({ name, csv, value, hint, text: (row) => known(value(row), time) });
const texts = (name: string, csv: string, value: (row: Row) => string): Column<Row> =>
  ({ name, csv, value, text: value });
const counts = (name: string, csv: string, value: (row: Row) => number, hint = ""): Column<Row> =>
  ({ name, csv, value, hint, text: (row) => count(value(row)) });

const columns: Column<Row>[] = [
  texts("rank", "rank", (row) => row.name), { name: "log", csv: "log", value: (row) => row.log, text: (row) => shortPath(row.log) },
  texts("host", "host", (row) => row.host), counts("pid", "pid", (row) => row.pid),
  counts("steps", "steps", (row) => row.steps),
  times("step", "step_median_ns", (row) => row.step, "the median of its steps"),
  times("longest", "step_longest_ns", (row) => row.slowestStep),
  times("own", "own_median_ns", (row) => row.own, "the median of its steps: in ops that are no collective"),
  counts("slowest in", "slowest_in_steps", (row) => row.slowest, "steps in which its own time was the longest"),
  { name: "peak", csv: "peak_bytes", value: (row) => row.peak, text: (row) => known(row.peak, bytes) },
  counts("events", "events", (row) => row.events),
  times("starts", "starts_ns", (row) => row.starts, "after the first rank"),
  { name: "\u00b1", csv: "alignment_error_ns", value: (row) => row.error, hint: "how far its times may be off against the first rank's",
    text: (row) => (row.error === null ? "not known" : row.error === 0 ? "-" : time(row.error)) },
];

// How far one can compare times of different ranks.
function clockText({ all, facts }: Ranks): string {
  const clocks = new Set(all.map(({ clock }) => clock));
  if (all.length < 2 || !facts) return "";
  if (clocks.has(null)) return "A log does not tell when it began: its start is put beside that of the first rank.";
  if (clocks.size === 1) return `All ranks have one host's clock: their times lie to each other within ${time(facts.same_clock_error_ns)}.`;
  return `Ranks of one host lie to each other within ${time(facts.same_clock_error_ns)}. Between hosts they are placed by ` +
    "the wall clocks, and how far these disagree is not in the logs: compare durations there, not instants.";
}

function stragglerText(ranks: Ranks): string {
  const found = straggler(rankTimes(ranks, "own"));
  if (!found) return "No rank is slower than the others: none takes 10 % more than the median of the ranks in most steps.";
  const { rank, ratio, slowest, steps } = found;
  return `${ranks.all[rank].name} is slow: its ops take ${(100 * (ratio - 1)).toFixed(0)} % longer than the median of the ranks, ` +
    `and longest of all in ${count(slowest)} of ${plural(steps, "step")}.`;
}

export function rankView(store: Store): View {
  const { ranks } = store;
  const chart = new RankChart(store);
  const table = new Table<Row>({
    name: "ranks", columns, rows: rowsOf(ranks), sort: -1, looking: store.looking("ranks"), onSelect: ({ rank }) => store.goToRank(rank),
    isSelected: ({ rank }) => rank === store.state.rank,
  });
  const choose = (measure: Measure, text: string) => button(text, () => store.set({ ranksBy: measure }), { id: `measure-${measure}` });
  const choices = make("div", { class: "choice", role: "group", label: "what is compared" },
    choose("own", "own time"), choose("step", "step time"));
  const foot = make("div", { class: "foot" }, choices, make("div", { class: "help", text: "a cell is a rank in a step: orange is slower than the median of the ranks, blue faster" }));
  const height = Math.min(Math.max(ranks.all.length * 26 + 30, 90), 420);
  chart.element.style.flex = `0 0 ${height}px`;
  const element = make("div", { class: "tables" },
    make("p", { class: "verdict", text: stragglerText(ranks) }),
    make("div", { class: "filled", label: "ranks by steps" }, chart.element, foot), table.element,
    make("p", { class: "more", text: clockText(ranks) }));
  const update = () => {
    for (const each of choices.children) each.setAttribute("aria-pressed", String(each.id === `measure-${chart.measure}`));
    chart.redraw();
    table.draw();
  };
  return { element, canvas: chart, update, onKey: (event) => chart.onKey(event) };
}
