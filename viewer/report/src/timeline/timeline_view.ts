// The timeline with its legend.

import { button, make, setAttribute } from "../widgets/dom";
import { MemoryChart } from "../memory/memory_chart";
import { Store } from "../store";
import { togglePath } from "./path_facts";
import { Theme, kindNames, theme } from "../widgets/theme";
import { Timeline } from "./timeline";
import { View } from "../widgets/view";

export function legend(colours: Theme, names: [string, string][]): HTMLElement {
  return make("div", { class: "legend" }, ...names.map(([kind, text]) => {
    const swatch = make("i");
    swatch.style.background = colours.kinds[kind];
    return make("span", {}, swatch, document.createTextNode(text));
  }));
}

export function timelineView(store: Store): View {
  const timeline = new Timeline(store);
  const kinds = new Set(store.run.facts.operators.map((operator) =>
    operator.kind === "op" ? operator.class : operator.kind));
  const element = make("div", { class: "filled" });
  const help = make("div", { class: "help",
    text: "wheel, w s zoom \u00b7 drag, a d pan \u00b7 shift-drag, m measure \u00b7 0 step \u00b7 9 run" });
  const foot = make("div", { class: "foot" });
  const path = button("Critical path", () => togglePath(store),
    { id: "path", title: "what made the step as long as it is (c)" });
  const memory = store.run.summary.memory?.peak_bytes ? new MemoryChart(store, "live memory below the timeline") : null;
  if (memory) {
    memory.element.className = "strip";
    timeline.element.style.flex = `0 1 ${timeline.contentHeight}px`;
  }
  element.append(timeline.element, ...(memory ? [memory.element] : []), foot);
  let shown: Theme | null = null; // of the legend
  return {
    element, canvas: timeline,
    update: () => {
      setAttribute(path, "aria-pressed", String(store.state.selection.kind === "path"));
      if (shown !== theme()) {
        shown = theme();
        foot.replaceChildren(legend(shown, kindNames.filter(([kind]) => kinds.has(kind))), help, path);
      }
      timeline.redraw();
      memory?.redraw();
    },
    onKey: (event) => timeline.onKey(event),
  };
}

