// What is looked at as the address's #..., in words that one can read. Whatever
// is in a link, the state that it gives is one that the page can show; what is
// not in it is as usual.

import { readChoices, writeChoices } from "./graph/graph_choices";
import { Ranks } from "./run/ranks";
import { Run } from "./run/run";
import { parseSelection, selectionText } from "./selection";
import type { State } from "./store";
import { readLooks, writeLooks } from "./widgets/table_look";

// Texts that are in a link if they are not as usual.
const texts = {
  memoryBy: { key: "memory", usual: "module" }, value: { key: "value", usual: "" }, table: { key: "table", usual: "" },
  ranksBy: { key: "compare", usual: "own" },
};
type Text = keyof typeof texts;

export function linkOf(ranks: Ranks, state: State): string {
  const { rank, view, step, cursor, range, measure, flame } = state;
  const { run } = ranks.all[rank];
  const words = new URLSearchParams({ view });
  const number = run.summary.steps[step]?.number;
  if (number !== undefined) words.set("step", String(number));
  if (ranks.all.length > 1) words.set("rank", String(rank));
  const selection = selectionText(run, state.selection);
  if (selection) words.set("select", selection);
  if (cursor !== null) words.set("at", String(Math.round(cursor)));
  if (range) words.set("range", range.map(Math.round).join("-"));
  if (measure) words.set("measure", measure.map(Math.round).join("-"));
  if (flame !== null) words.set("flame", flame);
  for (const of of Object.keys(texts) as Text[]) if (state[of] !== texts[of].usual) words.set(texts[of].key, state[of]);
  writeLooks(state.tables, words);
  writeChoices(state.graph, words);
  if (state.place) words.set("place", state.place.map((each) => +each.toFixed(2)).join(" "));
  if (state.replaying) words.set("replay", "true");
  return `#${words}`;
}

export function stateOf(ranks: Ranks, link: string): State {
  const words = new URLSearchParams(link.slice(1));
  const rank = ranks.all[Number(words.get("rank"))] ? Number(words.get("rank")) : 0;
  const { run } = ranks.all[rank];
  const step = words.has("step") ? run.stepIndex(Number(words.get("step"))) : -1;
  const range = ends(words.get("range"));
  const selection = parseSelection(run, words.get("select"));
  const ofSpan = selection.kind === "span" ? run.spans.step[selection.span] : firstStep(run);
  const text = (of: Text) => words.get(texts[of].key) ?? texts[of].usual;
  return {
    rank,
    view: words.get("view") ?? "overview",
    step: step >= 0 ? step : ofSpan,
    selection,
    cursor: time(words.get("at")),
    range: range && range[0] < range[1] ? range : null,
    measure: ends(words.get("measure")),
    flame: words.get("flame"),
    memoryBy: text("memoryBy"),
    value: text("value"),
    table: text("table"),
    ranksBy: text("ranksBy"),
    tables: readLooks(words),
    graph: readChoices(words),
    place: place(words.get("place")),
    replaying: words.get("replay") === "true",
  };
}

function time(text: string | null): number | null {
  const number = text ? Number(text) : NaN;
  return Number.isFinite(number) ? number : null;
}

function ends(text: string | null): [number, number] | null {
  const [from, to, more] = (text ?? "").split("-").map(time);
  return typeof from === "number" && typeof to === "number" && more === undefined ? [from, to] : null;
}

function place(text: string | null): State["place"] {
  const [x, y, scale, more] = (text ?? "").split(" ").map(time);
  return typeof x === "number" && typeof y === "number" && scale && more === undefined ? [x, y, scale] : null;
}

// The last kept step that is whole: as the tool's `export` chooses.
export function firstStep(run: Run): number {
  let last = -1, whole = -1;
  run.summary.steps.forEach((step, i) => {
    if (!run.isKept(i)) return;
    last = i;
    if (step.duration_ns !== null) whole = i;
  });
  return Math.max(whole >= 0 ? whole : last, 0);
}
