// The timeline with its legend, or in its place the step's time by module.

import { button, make, setAttribute, setText } from "../widgets/dom";
import { FlameChart } from "./flame_chart";
import { MemoryChart } from "../memory/memory_chart";
import { Store } from "../store";
import { togglePath } from "./path_facts";
import { Theme, kindNames, theme } from "../widgets/theme";
import { Timeline } from "./timeline";
import { View } from "../widgets/view";

function legend(entries: [text: string, colour: string][]): HTMLElement {
  return make("div", { class: "legend" }, ...entries.map(([text, colour]) => {
    const swatch = make("i");
    swatch.style.background = colour;
    return make("span", {}, swatch, document.createTextNode(text));
  }));
}

const timelineKeys = "wheel, w s zoom \u00b7 drag, a d pan \u00b7 shift-drag, m measure \u00b7 0\u00a0step \u00b7 9\u00a0run";
const flameKeys = "as wide as its time in ops \u00b7 double click, f zoom \u00b7 0 step";

export function timelineView(store: Store): View {
  const timeline = new Timeline(store), flame = new FlameChart(store);
  const kinds = new Set(store.run.facts.operators.map((operator) =>
    operator.kind === "op" ? operator.class : operator.kind));
  const help = make("div", { class: "help" });
  const foot = make("div", { class: "foot" });
  const path = button("Critical path", () => togglePath(store),
    { id: "path", title: "what made the step as long as it is (c)" });
  const toggleFlame = () => store.set({ flame: store.state.flame === null ? "" : null });
  const byModule = button("By module", toggleFlame, { id: "flame", title: "the step's time as a flame graph by module (g)" });
  const memory = store.run.summary.memory?.peak_bytes ? new MemoryChart(store, "live memory below the timeline", true) : null;
  if (memory) {
    memory.element.className = "strip";
    timeline.element.style.flex = `0 1 ${timeline.contentHeight}px`;
  }
  const inTime = [timeline, ...(memory ? [memory] : [])];
  const element = make("div", { class: "filled" }, ...inTime.map((each) => each.element), flame.element, foot);
  const footOf = (colours: Theme, isFlame: boolean) => {
    const entries = kindNames.filter(([kind]) => kinds.has(kind) || (isFlame && kind === "module"))
      .map(([kind, text]): [string, string] => [isFlame && kind === "module" ? "module" : text, colours.kinds[kind]]);
    const strip: [string, string][] = [["below: forward", colours.forward], ["backward", colours.backward]];
    foot.replaceChildren(legend(isFlame ? [...entries, ...strip] : entries), help, byModule, path);
  };
  let shown: { colours: Theme; isFlame: boolean } | null = null; // in the legend
  return {
    element,
    get canvas() { return store.state.flame === null ? timeline : flame; },
    update: () => {
      const isFlame = store.state.flame !== null;
      setAttribute(path, "aria-pressed", String(store.state.selection.kind === "path"));
      setAttribute(byModule, "aria-pressed", String(isFlame));
      if (shown?.colours !== theme() || shown.isFlame !== isFlame) {
        shown = { colours: theme(), isFlame };
        footOf(theme(), isFlame);
      }
      setText(help, isFlame ? flameKeys : timelineKeys);
      path.hidden = isFlame;
      flame.element.hidden = !isFlame;
      for (const each of inTime) each.element.hidden = isFlame;
      for (const each of isFlame ? [flame] : inTime) each.redraw();
    },
    onKey: (event) => {
      if (event.key === "g") toggleFlame();
      else return (store.state.flame === null ? timeline : flame).onKey(event);
      return true;
    },
  };
}
