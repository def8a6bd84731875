// Finds modules, ops, kernels, types and lines of source by what they are called.

import { make, shortName } from "./widgets/dom";
import { lineText } from "./run/facts";
import { Run } from "./run/run";
import { Selection, Store } from "./store";

interface Entry {
  kind: string;
  text: string;
  low: string;
  selection: Selection;
}

const mostResults = 30;

function entriesOf(run: Run): Entry[] {
  const entries: Entry[] = [];
  const add = (kind: string, text: string, selection: Selection, also = "") =>
    entries.push({ kind, text, low: `${text} ${also}`.toLowerCase(), selection });
  run.facts.modules.forEach(({ path, type }, module) => add("module", path, { kind: "module", module }, type));
  const names = new Map(run.facts.operators.map((operator) => [operator.name, operator.kind]));
  for (const [name, kind] of names) if (kind !== "module") add(kind, name, { kind: "name", name });
  run.facts.lines.forEach((each, line) =>
    add("line", lineText(run, line), { kind: "line", line }, each.file ?? ""));
  run.facts.activities.forEach(({ kind, name }, activity) => {
    if (name) add(kind, name, { kind: "activity", activity });
  });
  run.facts.texts.forEach((text, index) => {
    // Single types; lists of them are found by what they contain.
    const type = /^[a-z]+\d*\[([^\]]*)\]$/.exec(text);
    if (type) add("type", text, { kind: "text", text: index }, shapesOf(type[1]));
  });
  return entries;
}

// The ways in which one writes "8, 16": the graph has it as 8×16.
function shapesOf(sizes: string): string {
  return [",", "x", "\u00d7"].map((between) => sizes.split(", ").join(between)).join(" ");
}

export class Search {
  readonly element = make("div", { class: "search" });
  private input = make("input", { type: "search", label: "search", role: "combobox" });
  private list = make("div", { class: "results", role: "listbox", id: "results" });
  private entries: Entry[];
  private found: Entry[] = [];
  private active = 0;

  constructor(private store: Store) {
    this.entries = entriesOf(store.run);
    this.input.placeholder = "search module, op, type, line   /";
    this.input.oninput = () => this.find();
    this.input.onfocus = () => this.find();
    // Later, since a click on a result comes after it.
    this.input.onblur = () => setTimeout(() => { this.list.hidden ||= document.activeElement !== this.input; }, 150);
    this.input.onkeydown = (event) => this.onKey(event);
    this.list.hidden = true;
    this.input.setAttribute("aria-controls", this.list.id);
    this.input.setAttribute("aria-expanded", "false");
    this.element.append(this.input, this.list);
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  private find(): void {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.active = 0;
    this.found = words.length === 0 ? []
      : this.entries.filter(({ low, kind }) => words.every((word) => low.includes(word) || kind === word));
    // What is called so, then what begins with the word, then what has it.
    const [first] = words;
    const rank = ({ text, low }: Entry) => {
      const name = shortName(text).toLowerCase();
      return name === first ? 0 : name.startsWith(first) || low.includes(`.${first}`) ? 1 : 2;
    };
    this.found = this.found.map((entry, i) => ({ entry, i }))
      .sort((a, b) => rank(a.entry) - rank(b.entry) || a.i - b.i).map(({ entry }) => entry);
    this.draw(words.length > 0);
  }

  private draw(asked: boolean): void {
    this.list.hidden = !asked;
    const shown = this.found.slice(0, mostResults);
    this.list.replaceChildren(...shown.map((entry, index) => {
      const row = make("div", { role: "option", id: `result-${index}`, class: index === this.active ? "active" : "" },
        make("span", { class: "kind", text: entry.kind }), make("span", { class: "name", text: entry.text }));
      row.setAttribute("aria-selected", String(index === this.active));
      row.onpointerdown = () => this.choose(entry);
      return row;
    }));
    // For those who hear the page: the field keeps the focus.
    this.input.setAttribute("aria-expanded", String(asked));
    this.input.setAttribute("aria-activedescendant", shown.length ? `result-${this.active}` : "");
    const more = this.found.length - shown.length;
    if (more > 0) this.list.append(make("p", { text: `${more} more` }));
    if (this.found.length === 0) this.list.append(make("p", { text: "nothing is called so" }));
  }

  private choose(entry: Entry): void {
    this.list.hidden = true;
    this.input.blur();
    this.store.select(entry.selection);
  }

  private onKey(event: KeyboardEvent): void {
    event.stopPropagation();
    const last = Math.min(this.found.length, mostResults) - 1;
    if (event.key === "ArrowDown") this.active = Math.min(this.active + 1, last);
    else if (event.key === "ArrowUp") this.active = Math.max(this.active - 1, 0);
    else if (event.key === "Escape") return this.input.blur();
    else if (event.key === "Enter") {
      if (this.found[this.active]) this.choose(this.found[this.active]);
      return;
    } else return;
    event.preventDefault();
    this.draw(true);
    this.list.children[this.active]?.scrollIntoView({ block: "nearest" });
  }
}
