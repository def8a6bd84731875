// Opens the report: unpacks the data, makes the views, and keeps the one that is
// looked at up to date.

import { frames } from "./widgets/canvas";
import { criticalPath } from "./run/critical_path";
import { unpack } from "./run/data";
import { button, make } from "./widgets/dom";
import { graphView } from "./graph/graph_view";
import { memoryView } from "./memory/memory";
import { notices } from "./notices";
import { overview } from "./overview/overview";
import { Panel } from "./panel";
import { Replay } from "./replay";
import { Run } from "./run/run";
import { Search } from "./search";
import { Store } from "./store";
import { moduleView, opView, sourceView } from "./tables";
import { isDark, setTheme } from "./widgets/theme";
import { timelineView } from "./timeline/timeline_view";
import { bytes, count } from "./widgets/units";
import { View } from "./widgets/view";

const makers: { [name: string]: (store: Store) => View } = {
  overview, graph: graphView, timeline: timelineView, memory: memoryView, modules: moduleView,
  ops: opView, source: sourceView,
};

class Page {
  private views = new Map<string, View>();
  private main = make("main");
  private tabs = make("nav", { label: "views" });
  private stepName = make("output");
  private allSteps = button("all", () => this.toggleAll(), { id: "all-steps", title: "all steps in one graph (u)" });
  private search: Search;
  private panel: Panel;
  private replay: Replay;

  constructor(private store: Store) {
    this.search = new Search(store);
    this.panel = new Panel(store);
    this.replay = new Replay(store);
    const app = document.getElementById("app")!;
    app.replaceChildren(this.head(), this.replay.element, ...notices(store.run),
      make("div", { class: "body" }, this.main, this.panel.element));
    document.title = `${store.run.summary.run.program || store.run.summary.run.log} \u2013 torchtape`;
    store.onChange(() => this.update());
    addEventListener("keydown", (event) => this.onKey(event));
    matchMedia("(prefers-color-scheme: dark)").onchange = () => this.update();
    this.update();
  }

  private head(): HTMLElement {
    const { store } = this;
    const { run, steps } = store.run.summary;
    Object.keys(makers).forEach((name, index) => this.tabs.append(
      button(name[0].toUpperCase() + name.slice(1), () => store.set({ view: name }),
             { id: `tab-${name}`, title: `${name} (${index + 1})` })));
    const theme = button("\u25d0", () => { setTheme(isDark() ? "light" : "dark"); this.update(); },
      { class: "icon", title: "light or dark (t)", label: "light or dark" });
    theme.id = "theme";
    return make("header", { class: "head" },
      make("strong", { text: run.program || run.log, title: run.log }), this.tabs,
      make("div", { class: "steps", role: "group" },
        button("\u25c2", () => store.goToStep(store.state.step - 1), { label: "step before", title: "step before ([)" }),
        this.stepName,
        button("\u25b8", () => store.goToStep(store.state.step + 1), { label: "next step", title: "next step (])", disabled: steps.length < 2 }),
        this.allSteps,
        button("\u25b6", () => this.replay.toggle(), { id: "replay", class: "icon", label: "replay the step", title: "replay the step (p)" })),
      this.search.element, theme);
  }

  private toggleAll(): void {
    const { graph } = this.store.state;
    this.store.set({ graph: { ...graph, all: !graph.all } });
  }

  get view(): View {
    const name = this.store.state.view in makers ? this.store.state.view : "overview";
    let view = this.views.get(name);
    if (!view) this.views.set(name, (view = makers[name](this.store)));
    return view;
  }

  private update(): void {
    const { state, run } = this.store;
    for (const tab of this.tabs.children) {
      tab.setAttribute("aria-current", tab.id === `tab-${state.view}` ? "page" : "false");
    }
    const step = run.summary.steps[state.step];
    this.stepName.textContent = step ? `step ${step.number}` : "no steps";
    this.allSteps.hidden = state.view !== "graph";
    this.allSteps.setAttribute("aria-pressed", String(state.graph.all));
    this.panel.update();
    this.replay.update();
    const { view } = this;
    if (this.main.firstChild !== view.element) this.main.replaceChildren(view.element);
    view.update();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isItsOwn(event)) return;
    const { store } = this;
    const number = Number(event.key);
    const names = Object.keys(makers);
    if (number >= 1 && number <= names.length) store.set({ view: names[number - 1] });
    else if (event.key === "/") this.search.focus();
    else if (event.key === "[") store.goToStep(store.state.step - 1);
    else if (event.key === "]") store.goToStep(store.state.step + 1);
    else if (event.key === "u" && store.state.view === "graph") this.toggleAll();
    else if (event.key === "t") document.getElementById("theme")!.click();
    else if (event.key === "Escape") store.clear();
    else if (!this.replay.onKey(event) && !this.view.onKey?.(event)) return;
    event.preventDefault();
  }
}

// Whether what has the focus does something with the key itself.
function isItsOwn({ key, target }: KeyboardEvent): boolean {
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
    if (key === "Escape") target.blur();
    return true;
  }
  return target instanceof HTMLButtonElement && (key === " " || key === "Enter");
}

// Says what is being done, and gives the browser the time to show it: a frame,
// but in a tab that nobody sees there are none.
function tell(text: string): Promise<void> {
  document.querySelector(".opening")!.textContent = `Opening the report: ${text} ...`;
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 100);
  });
}

async function open(): Promise<void> {
  const data = document.getElementById("data")!;
  await tell(`unpacking ${bytes(data.textContent!.length)}`);
  const { facts, columns } = await unpack(data.textContent!);
  data.remove();
  await tell(`reading ${count(facts.kept.spans)} spans and ${count(facts.kept.allocations)} allocations`);
  const run = new Run(facts, columns);
  await tell("drawing");
  const store = new Store(run);
  const page = new Page(store);
  // For tests: what is looked at, and where it is.
  Object.assign(window, { report: { store, frames, criticalPath, canvas: () => page.view.canvas } });
}

open().catch((error: unknown) => {
  document.getElementById("app")!.textContent =
    `This report cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
  throw error;
});
