// The graph with its choices and its legend.

import { button, make } from "./dom";
import { GraphCanvas } from "./graph";
import { Store } from "./store";
import { kindNames, theme } from "./theme";
import { legend } from "./timeline_view";
import { View } from "./view";

const levels: [number, string, string][] = [
  [0, "everything", "also views, getters, and the ops inside of ops"],
  [1, "no views", "without views and getters"],
  [2, "no arithmetic", "also without element-wise ops, reductions, copies and fills"],
  [3, "layers", "only layers"],
];

function choiceOf(
  name: string, texts: { text: string; title: string }[], isChosen: (index: number) => boolean,
  choose: (index: number) => void
): { element: HTMLElement; update: () => void } {
  const element = make("div", { class: "choice", role: "group", label: name });
  const update = () => [...element.children].forEach((each, i) => each.setAttribute("aria-pressed", String(isChosen(i))));
  texts.forEach(({ text, title }, i) => element.append(button(text, () => { choose(i); update(); }, { title })));
  update();
  return { element, update };
}

export function graphView(store: Store): View {
  const canvas = new GraphCanvas(store);
  const level = choiceOf("level", levels.map(([, text, title]) => ({ text, title })),
    (i) => canvas.level === levels[i][0], (i) => { canvas.level = levels[i][0]; canvas.update(); });
  const ways = ["kind", "time", "FLOPs"] as const;
  const colour = choiceOf("colour", [{ text: "by kind", title: "colour by the kind of work" },
                                     { text: "by time", title: "colour by the time that it takes" },
                                     { text: "by FLOPs", title: "colour by how much it computes" }],
    (i) => canvas.colourBy === ways[i], (i) => { canvas.colourBy = ways[i]; canvas.redraw(); });
  const hidden = make("p", { class: "empty", text: "The events of this step are not in this page." });
  const foot = make("div", { class: "foot" });
  const element = make("div", { class: "filled" },
    make("div", { class: "bar" }, level.element, colour.element,
      make("div", { class: "choice" }, button("close all", () => canvas.openAll(0)),
        button("open modules", () => canvas.openAll(9)), button("fit", () => canvas.fit(), { title: "fit (0)" })),
      make("span", { class: "help", text: "left: forward, data flows down \u00b7 right: its backward, gradients flow up" })),
    hidden, canvas.element, foot);
  return {
    element, canvas,
    update: () => {
      const kept = store.run.isKept(store.state.step);
      hidden.hidden = kept;
      const kinds = new Set(store.run.facts.operators.map((operator) =>
        operator.kind === "op" ? operator.class : operator.kind));
      foot.replaceChildren(legend(theme(), kindNames.filter(([kind]) => kinds.has(kind))),
        make("div", { class: "help", text: "\u25b8 opens \u00b7 wheel zooms \u00b7 hover shows what is saved for backward" }));
      canvas.update();
    },
    onKey: (event) => canvas.onKey(event),
  };
}
