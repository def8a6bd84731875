// Forward passes that an exception ended.

import { Run, none } from "../run/run";
import { stepsWithSpans } from "./graph_union";

export interface Thrown {
  span: number; // the innermost that threw
  step: number;
  unreached: string[]; // modules that ran in other steps and not in this one
}

const mostThrown = 3;

// In one step, or, of null, in all.
export function thrownIn(run: Run, wanted: number | null): Thrown[] {
  const { spans } = run;
  const thrown: Thrown[] = [];
  for (const step of wanted === null ? stepsWithSpans(run) : [wanted]) {
    const [from, to] = run.spansOfStep(step);
    const inner = innermostThrown(run, from, to);
    // Many programs try, catch and go on: only what ended the pass is told.
    if (inner === none || spans.backward[inner] || goesOn(run, inner, from, to)) continue;
    thrown.push({ span: inner, step, unreached: unreachedIn(run, from, to) });
    if (thrown.length === mostThrown) break;
  }
  return thrown;
}

// The last op that threw, without another one inside that did.
function innermostThrown(run: Run, from: number, to: number): number {
  for (let span = to - 1; span >= from; --span) {
    if (run.spans.threw[span] && run.operator(span).kind !== "range") return span;
  }
  return none;
}

// Whether a forward op of a module, or a backward node, ran after it.
function goesOn(run: Run, thrown: number, from: number, to: number): boolean {
  const { spans } = run;
  for (let span = Math.max(thrown + 1, from); span < to; ++span) {
    const { kind } = run.operator(span);
    if (kind === "backward" || (kind === "op" && spans.module[span] !== none)) return true;
  }
  return false;
}

function modulesIn(run: Run, from: number, to: number): Set<number> {
  const modules = new Set<number>();
  for (let span = from; span < to; ++span) {
    for (let up = run.spans.module[span]; up !== none && !modules.has(up); up = run.facts.modules[up].parent) modules.add(up);
  }
  return modules;
}

// Those with operators of their own, where other steps ran them.
function unreachedIn(run: Run, from: number, to: number): string[] {
  const here = modulesIn(run, from, to), anywhere = modulesIn(run, 0, run.spans.count);
  return [...anywhere].filter((module) => !here.has(module) && !isInside(run, module, anywhere, here))
    .sort((a, b) => a - b).map((module) => run.modulePath(module));
}

// Whether the module around it is told already.
function isInside(run: Run, module: number, anywhere: Set<number>, here: Set<number>): boolean {
  const { parent } = run.facts.modules[module];
  return parent !== none && anywhere.has(parent) && !here.has(parent);
}
