// What a reader must know before trusting the numbers: what is missing from the
// log, and what of it is not in this page.

import { make } from "./widgets/dom";
import { Store } from "./store";
import { Ranks } from "./run/ranks";
import { count, plural, time } from "./widgets/units";

// Notes of a log name it; what is said of none is said of all.
function rankNotes(ranks: Ranks, log: string, notes: string[]): string[] {
  const texts = notes.map((note) => `${log}: ${note}`);
  const { all, unread } = ranks;
  if (unread.length) {
    const why = unread.map((each) => `${each.log}: ${each.problem}`).join("; ");
    texts.unshift(`This page has ${all.length} of ${all.length + unread.length} logs. Left out: ${why}.`);
  }
  return texts;
}

export function notices({ ranks, run }: Store): HTMLElement[] {
  const { facts, summary } = run;
  const { kept, chosen, notes, drops } = facts;
  const texts = ranks.several ? rankNotes(ranks, run.summary.run.log, notes) : [...notes];
  if (chosen) {
    const { first, last } = chosen;
    texts.push(`All numbers are of ${first === last ? `step ${first}` : `steps ${first} to ${last}`} alone.`);
  }
  const recorded = summary.steps.filter((step) => step.recorded).length;
  if (kept.steps && kept.steps.length < recorded) {
    texts.push(`This page has the events of ${count(kept.steps.length)} of ${plural(recorded, "step")}, ` +
      "as many as fit; totals are of all of them. --steps chooses others.");
  }
  const cut = kept.spans_cut_at_ns ?? kept.allocations_cut_at_ns ?? kept.activities_cut_at_ns;
  if (cut !== null) texts.push(`This page has no events after ${time(cut)} of the run: no more fit. Totals are of all.`);
  if (drops.length) {
    const lost = drops.reduce((sum, drop) => sum + drop.events, 0);
    texts.push(`${count(lost)} events were dropped while recording, ${plural(drops.length, "time")}.`);
  }
  if (texts.length === 0) return [];
  return [make("div", { class: "notices", role: "note" }, ...texts.map((text) => make("p", { text })))];
}
