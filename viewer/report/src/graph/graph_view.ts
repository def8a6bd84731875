// The graph with its choices and its legend.

import { button, make, setText } from "../widgets/dom";
import { GraphCanvas } from "./graph";
import { GraphChoices, measures } from "./graph_choices";
import { graphLegend } from "./graph_legend";
import { graphNotices } from "./graph_notices";
import { palettes } from "../widgets/palettes";
import { Store } from "../store";
import { theme } from "../widgets/theme";
import { View } from "../widgets/view";

type Option = [value: string, text: string, title?: string];

const levels: Option[] = [
  ["0", "everything", "also views, getters, and the ops inside of ops"],
  ["1", "no views", "without views and getters"],
  ["2", "no arithmetic", "also without element-wise ops, reductions, copies and fills"],
  ["3", "only layers", "only layers"],
];
const amounts: Option[] = Object.entries(measures);

export function graphView(store: Store): View {
  const canvas = new GraphCanvas(store);
  const change = (graph: Partial<GraphChoices>) => store.set({ graph: { ...store.state.graph, ...graph } });
  const updates: (() => void)[] = [];

  function select(key: keyof GraphChoices, name: string, options: Option[], title: string): HTMLElement {
    const element = make("select", { label: name, title }, ...options.map(([value, text, more]) =>
      Object.assign(make("option", { text, title: more ?? "" }), { value })));
    element.onchange = () =>
      change({ [key]: key === "level" ? Number(element.value) : element.value } as Partial<GraphChoices>);
    updates.push(() => { element.value = String(store.state.graph[key]); });
    return make("label", { class: "picked", text: name }, element);
  }

  const merge = make("input", { type: "number", label: "merge below", title: "modules with fewer parameters are " +
    "merged into the one before them, or into the one around them; 0: none are" });
  Object.assign(merge, { min: "0", step: "any" });
  merge.onchange = () => change({ merge: Math.max(0, Math.floor(Number(merge.value) || 0)) });
  updates.push(() => { merge.value = String(store.state.graph.merge); });

  const hidden = make("p", { class: "empty" });
  const foot = make("div", { class: "foot" });
  const notes = make("div");
  let notesOf: unknown[] = [];
  const element = make("div", { class: "filled" },
    make("div", { class: "bar choices" },
      select("level", "show", levels, "what is hidden"),
      select("colour", "colour", [["kind", "kind"], ["type", "layer type"], ...amounts], "what colours tell"),
      select("size", "size", [["same", "the same"], ...amounts], "what the height of boxes tells"),
      select("label", "label", [["name", "name"], ["type", "layer type"]], "what is written in boxes first"),
      select("palette", "palette", Object.entries(palettes).map(([key, { name, title }]) => [key, name, title]), "which colours"),
      make("label", { class: "picked", text: "merge below" }, merge),
      make("div", { class: "choice" }, button("close all", () => canvas.openAll(0)),
        button("open modules", () => canvas.openAll(9)), button("fit", () => canvas.fit(), { title: "fit (0)" }))),
    notes, hidden, canvas.element, foot);
  return {
    element, canvas,
    update: () => {
      const isRecorded = store.run.summary.steps[store.state.step]?.recorded ?? true;
      setText(hidden, isRecorded ? "The events of this step are not in this page." : "This step was not recorded.");
      hidden.hidden = store.state.graph.all || store.run.isKept(store.state.step);
      for (const update of updates) update();
      canvas.update();
      const of = [canvas.model, store.state.step];
      if (of.some((each, i) => each !== notesOf[i])) notes.replaceChildren(...graphNotices(store, canvas.model));
      notesOf = of;
      foot.replaceChildren(...graphLegend(canvas, store.state.graph, theme()));
    },
    onKey: (event) => canvas.onKey(event),
  };
}
