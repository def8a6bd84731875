// What a reader must know before trusting the numbers: what is missing from the
// log, and what of it is not in this page.

import { make } from "./widgets/dom";
import { Run } from "./run/run";
import { count, plural, time } from "./widgets/units";

export function notices(run: Run): HTMLElement[] {
  const { facts, summary } = run;
  const { kept, chosen, notes, drops } = facts;
  const texts = [...notes];
  if (chosen) {
    const { first, last } = chosen;
    texts.push(`All numbers are of ${first === last ? `step ${first}` : `steps ${first} to ${last}`} alone.`);
  }
  const recorded = summary.steps.filter((step) => step.recorded).length;
  if (kept.steps && kept.steps.length < recorded) {
    texts.push(`This page has the events of ${count(kept.steps.length)} of ${plural(recorded, "step")}, ` +
      "as many as fit; totals are of all of them. --steps chooses others.");
  }
  const cut = kept.spans_cut_at_ns ?? kept.allocations_cut_at_ns;
  if (cut !== null) texts.push(`This page has no events after ${time(cut)} of the run: no more fit. Totals are of all.`);
  if (drops.length) {
    const lost = drops.reduce((sum, drop) => sum + drop.events, 0);
    texts.push(`${count(lost)} events were dropped while recording, ${plural(drops.length, "time")}.`);
  }
  if (texts.length === 0) return [];
  return [make("div", { class: "notices", role: "note" }, ...texts.map((text) => make("p", { text })))];
}
