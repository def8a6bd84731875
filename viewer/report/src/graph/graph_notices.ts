// What the reader of a graph should know of it first.

import { make, shortName } from "../widgets/dom";
import type { GraphModel } from "./graph_model";
import { thrownIn } from "./graph_threw";
import { stepsWithSpans } from "./graph_union";
import type { Store } from "../store";
import { plural, time } from "../widgets/units";

const mostNames = 4;

function unionText(store: Store, steps: number): string {
  const recorded = store.run.summary.steps.filter((step) => step.recorded && step.ops).length;
  const here = stepsWithSpans(store.run).length;
  const kept = here < recorded ? ` This page has the events of ${here} of ${plural(recorded, "recorded step")}.` : "";
  const joined = steps < here ? ` Only the first ${steps} fit into one graph.` : "";
  return `${plural(steps, "step")} in one: amounts are sums; what did not run in all of them is dashed and says ` +
    `in how many it ran.${kept}${joined}`;
}

function listed(names: string[]): string {
  const more = names.length - mostNames;
  return names.slice(0, mostNames).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

export function graphNotices(store: Store, model: GraphModel | null): HTMLElement[] {
  const { run, state } = store;
  const notices: HTMLElement[] = [];
  const add = (text: string) => notices.push(make("p", { class: "notice", text }));
  if (model?.source.ran) add(unionText(store, model.source.ran.steps));
  for (const { span, step, unreached } of thrownIn(run, state.graph.all ? null : state.step)) {
    const [from] = run.stepRange(step);
    const module = run.spans.module[span];
    add(`${shortName(run.operator(span).name)}${module < 0 ? "" : ` in ${run.modulePath(module)}`} threw at ` +
      `${time((run.spans.end[span] || run.spans.start[span]) - from)} of step ${run.summary.steps[step]?.number}: ` +
      "this forward pass is drawn as far as it went." +
      (unreached.length ? ` Not reached: ${listed(unreached)}.` : ""));
  }
  return notices;
}
