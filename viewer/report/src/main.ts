// Opens the report: unpacks the data, makes the views, and keeps the one that is
// looked at up to date.

import { frames } from "./widgets/canvas";
import { keepDoubleClicks } from "./widgets/double_click";
import { criticalPath } from "./run/critical_path";
import { Facts, unpackAll } from "./run/data";
import { button, make, setAttribute, setText } from "./widgets/dom";
import { graphView } from "./graph/graph_view";
import { memoryView } from "./memory/memory";
import { notices } from "./notices";
import { overview } from "./overview/overview";
import { Panel } from "./panel";
import { Replay } from "./replay";
import { Ranks } from "./run/ranks";
import { rankView } from "./ranks/rank_view";
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
// Of several logs alone.
const makersOfRanks = { ...makers, ranks: rankView };

// What is made of the log of one rank, when it is first looked at.
interface OfRank {
  views: Map<string, View>;
  search: Search;
  panel: Panel;
  replay: Replay;
}

class Page {
  private makers: typeof makers;
  private ofRanks = new Map<number, OfRank>();
  private shown = -1; // rank
  private main = make("main");
  private tabs = make("nav", { label: "views" });
  private stepName = make("output");
  private allSteps = button("all", () => this.toggleAll(), { id: "all-steps", title: "all steps in one graph (u)" });

  constructor(private store: Store) {
    this.makers = store.ranks.several ? makersOfRanks : makers;
    Object.keys(this.makers).forEach((name, index) => this.tabs.append(
      button(name[0].toUpperCase() + name.slice(1), () => store.set({ view: name }),
             { id: `tab-${name}`, title: `${name} (${index + 1})` })));
    store.onChange(() => this.update());
    addEventListener("keydown", (event) => this.onKey(event));
    keepDoubleClicks();
    matchMedia("(prefers-color-scheme: dark)").onchange = () => this.update();
    this.update();
  }

  private get ofRank(): OfRank {
    const { store, ofRanks } = this;
    const { rank } = store.state;
    if (!ofRanks.has(rank)) {
      ofRanks.set(rank, { views: new Map(), search: new Search(store), panel: new Panel(store), replay: new Replay(store) });
    }
    return ofRanks.get(rank)!;
  }

  // The page around the views, for the rank that is looked at.
  private frame(): void {
    const { store } = this;
    const { replay, panel } = this.ofRank;
    this.shown = store.state.rank;
    document.getElementById("app")!.replaceChildren(this.head(), replay.element, ...notices(store),
      make("div", { class: "body" }, this.main, panel.element));
    document.title = `${store.run.summary.run.program || store.run.summary.run.log} \u2013 torchtape`;
  }

  private head(): HTMLElement {
    const { store } = this;
    const { run, steps } = store.run.summary;
    const theme = button("\u25d0", () => { setTheme(isDark() ? "light" : "dark"); this.update(); },
      { class: "icon", title: "light or dark (t)", label: "light or dark" });
    theme.id = "theme";
    return make("header", { class: "head" },
      make("strong", { text: run.program || run.log, title: run.log }), this.tabs, rankChooser(store),
      make("div", { class: "steps", role: "group" },
        button("\u25c2", () => store.goToStep(store.state.step - 1), { label: "step before", title: "step before ([)" }),
        this.stepName,
        button("\u25b8", () => store.goToStep(store.state.step + 1), { label: "next step", title: "next step (])", disabled: steps.length < 2 }),
        this.allSteps,
        button("\u25b6", () => this.ofRank.replay.toggle(), { id: "replay", class: "icon", label: "replay the step", title: "replay the step (p)" })),
      this.ofRank.search.element, theme);
  }

  private toggleAll(): void {
    const { graph } = this.store.state;
    this.store.set({ graph: { ...graph, all: !graph.all } });
  }

  get view(): View {
    const { views } = this.ofRank;
    const { view: name } = this.store.state;
    let view = views.get(name);
    if (!view) views.set(name, (view = this.makers[name](this.store)));
    return view;
  }

  private update(): void {
    const { state, run } = this.store;
    if (!Object.keys(this.makers).includes(state.view)) state.view = "overview"; // a link may say anything
    if (this.shown !== state.rank) this.frame();
    for (const tab of this.tabs.children) {
      setAttribute(tab, "aria-current", tab.id === `tab-${state.view}` ? "page" : "false");
    }
    const step = run.summary.steps[state.step];
    setText(this.stepName, step ? `step ${step.number}` : "no steps");
    this.allSteps.hidden = state.view !== "graph";
    setAttribute(this.allSteps, "aria-pressed", String(state.graph.all));
    this.ofRank.panel.update();
    this.ofRank.replay.update();
    const { view } = this;
    if (this.main.firstChild !== view.element) this.main.replaceChildren(view.element);
    view.update();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isItsOwn(event)) return;
    const { store } = this;
    const number = Number(event.key);
    const names = Object.keys(this.makers);
    if (number >= 1 && number <= names.length) store.set({ view: names[number - 1] });
    else if (event.key === "/") this.ofRank.search.focus();
    else if (event.key === "[") store.goToStep(store.state.step - 1);
    else if (event.key === "]") store.goToStep(store.state.step + 1);
    else if (event.key === "u" && store.state.view === "graph") this.toggleAll();
    else if (event.key === "r") store.goToRank((store.state.rank + 1) % store.ranks.all.length);
    else if (event.key === "t") document.getElementById("theme")!.click();
    else if (event.key === "Escape") store.clear();
    else if (!this.ofRank.replay.onKey(event) && !this.view.onKey?.(event)) return;
    event.preventDefault();
  }
}

// Nothing for a log that is alone.
function rankChooser(store: Store): HTMLElement | null {
  const { all } = store.ranks;
  if (all.length < 2) return null;
  const choice = make("select", { id: "rank", label: "rank", title: "whose log the views are of (r: next)" });
  for (const { name } of all) choice.append(make("option", { text: name }));
  choice.selectedIndex = store.state.rank;
  choice.onchange = () => store.goToRank(choice.selectedIndex);
  return choice;
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
  const { logs, ranks } = await unpackAll(data.textContent!);
  data.remove();
  const sum = (number: (facts: Facts) => number) => logs.reduce((all, { facts }) => all + number(facts), 0);
  await tell(`reading ${count(sum(({ kept }) => kept.spans))} spans and ${count(sum(({ kept }) => kept.allocations))} allocations`);
  const runs = logs.map(({ facts, columns }) => new Run(facts, columns));
  await tell("drawing");
  const store = new Store(new Ranks(runs, ranks));
  const page = new Page(store);
  // For tests: what is looked at, and where it is.
  Object.assign(window, { report: { store, frames, criticalPath, canvas: () => page.view.canvas } });
}

open().catch((error: unknown) => {
  document.getElementById("app")!.textContent =
    `This report cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
  throw error;
});
