// A table that sorts, filters, opens rows, and copies itself as CSV.

import { button, keepingFocus, make } from "./dom";
import { Looking } from "./table_look";

export interface Column<Row> {
  name: string;
  csv: string; // its name with the unit
  // What it is sorted and exported by; null: not known.
  value: (row: Row) => number | string | null;
  text: (row: Row) => string;
  bar?: (row: Row) => number; // 0 to 1
  hint?: string;
}

export interface Options<Row> {
  name: string; // "ops": for messages and those who do not see
  columns: Column<Row>[];
  rows: Row[];
  sort: number; // the column that it is sorted by at first; -1: as given
  looking: Looking;
  onSelect: (row: Row) => void;
  isSelected: (row: Row) => boolean;
  isRelated?: (row: Row) => boolean; // has a part in what is selected
  // A tree: shown in the given order, unless it is sorted.
  parent?: (row: Row) => Row | null;
  isOpen?: (row: Row) => boolean; // at first
  counted?: (row: Row) => boolean; // as one of the rows
  total?: (rows: Row[]) => string[]; // a last row
}

const mostRows = 1000;

// A spreadsheet must not take a name for a formula.
function csvField(value: number | string | null): string {
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(value);
  const text = value === null ? "" : (isFormula ? "'" : "") + String(value);
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export class Table<Row> {
  readonly element = make("div", { class: "table" });
  private body = make("tbody");
  private head = make("tr");
  private note = make("span", { class: "note" });
  private search = make("input", { type: "search" });
  private closed = new Set<Row>();
  private hasChildren = new Set<Row>();
  private shown: Row[] = [];

  constructor(private options: Options<Row>) {
    const { parent, isOpen } = options;
    for (const row of options.rows) {
      const above = parent?.(row);
      if (above) this.hasChildren.add(above);
      if (isOpen && !isOpen(row)) this.closed.add(row);
    }
    const { search } = this;
    search.placeholder = search.ariaLabel = `filter ${options.name}`;
    search.oninput = () => options.looking.change({ filter: search.value });
    const copy = button("Copy CSV", () => this.copy(copy));
    this.element.append(
      make("div", { class: "bar" }, search, this.note, copy),
      make("div", { class: "scroll" }, make("table", {}, make("thead", {}, this.head), this.body)));
    this.body.onkeydown = (event) => this.onKey(event);
    this.draw();
  }

  private depth(row: Row): number {
    let depth = 0;
    for (let up = this.options.parent?.(row); up; up = this.options.parent!(up)) ++depth;
    return depth;
  }

  private isHidden(row: Row): boolean {
    for (let up = this.options.parent?.(row); up; up = this.options.parent!(up)) {
      if (this.closed.has(up)) return true;
    }
    return false;
  }

  // The column that it is sorted by; -1: as given.
  private get sort(): number {
    const { columns, looking, sort } = this.options;
    const chosen = columns.findIndex(({ csv }) => csv === looking.now().sort);
    return chosen >= 0 ? chosen : sort;
  }

  private get isTree(): boolean {
    return !!this.options.parent && this.sort < 0 && this.options.looking.now().filter === "";
  }

  // All rows that pass the filter, in order.
  private chosen(): Row[] {
    const { rows, columns, looking } = this.options;
    const { sort } = this;
    const { descending, filter } = looking.now();
    const wanted = filter.toLowerCase();
    const chosen = rows.filter((row) => wanted === "" || columns.some(
      (column) => typeof column.value(row) === "string" && column.text(row).toLowerCase().includes(wanted)));
    if (sort < 0) return chosen;
    const { value } = columns[sort];
    const sign = descending ? -1 : 1;
    const compare = (a: Row, b: Row) => {
      const [left, right] = [value(a), value(b)];
      if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
      return sign * (left < right ? -1 : left > right ? 1 : 0);
    };
    return [...chosen].sort(compare);
  }

  draw(): void {
    const { filter } = this.options.looking.now();
    if (this.search.value !== filter) this.search.value = filter;
    this.drawHead();
    const chosen = this.chosen();
    this.shown = this.isTree ? chosen.filter((row) => !this.isHidden(row)) : chosen;
    const cut = this.shown.slice(0, mostRows);
    keepingFocus(this.body, () => {
      this.body.replaceChildren(...cut.map((row) => this.row(row)));
      this.drawTotal(chosen);
    });
    const { name, rows, counted } = this.options;
    const some = counted ? chosen.filter(counted).length : chosen.length;
    const all = counted ? rows.filter(counted).length : rows.length;
    this.note.textContent = (some < all ? `${some} of ${all} ${name}` : `${all} ${name}`) +
      (cut.length < this.shown.length ? `, the first ${mostRows} shown` : "");
  }

  private drawHead(): void {
    const { columns, looking } = this.options;
    const { sort } = this;
    const { descending } = looking.now();
    keepingFocus(this.head, () => this.head.replaceChildren(...columns.map((column, index) => {
      const active = index === sort;
      const first = this.options.rows[0];
      const isText = first !== undefined && typeof column.value(first) === "string";
      const cell = make("th", { title: column.hint ?? "", class: isText ? "" : "number" },
        button(column.name + (active ? (descending ? " \u2193" : " \u2191") : ""),
               () => this.sortBy(index)));
      cell.setAttribute("aria-sort",
        active ? (descending ? "descending" : "ascending") : "none");
      return cell;
    })));
  }

  // Down, up, and back to the tree or the order that was given.
  private sortBy(index: number): void {
    const { columns, looking, parent, sort } = this.options;
    const { csv } = columns[index];
    const again = this.sort === index;
    if (again && looking.now().descending) looking.change({ sort: csv, descending: false });
    else looking.change({ sort: (again && parent) || index === sort ? null : csv, descending: true });
  }

  private row(row: Row): HTMLTableRowElement {
    const { columns, isSelected, onSelect } = this.options;
    const element = make("tr", { tabIndex: 0, onclick: () => onSelect(row) });
    if (isSelected(row)) {
      element.classList.add("selected");
      element.setAttribute("aria-selected", "true");
    }
    if (this.options.isRelated?.(row)) element.classList.add("related");
    columns.forEach((column, index) => {
      const text = column.text(row);
      const cell = make("td", { text: index === 0 ? "" : text, title: text });
      if (typeof column.value(row) !== "string" && index > 0) cell.className = "number";
      if (index === 0) this.fillFirst(cell, row, text);
      const part = column.bar?.(row) ?? 0;
      if (part > 0) {
        cell.classList.add("barred");
        cell.style.setProperty("--part", `${(100 * Math.min(part, 1)).toFixed(1)}%`);
      }
      element.append(cell);
    });
    return element;
  }

  private fillFirst(cell: HTMLElement, row: Row, text: string): void {
    if (this.isTree) {
      cell.style.paddingLeft = `${8 + 16 * this.depth(row)}px`;
      const open = !this.closed.has(row);
      cell.append(this.hasChildren.has(row)
        ? button(open ? "\u25be" : "\u25b8", (event) => { event.stopPropagation(); this.toggle(row); },
                 { class: "fold", label: open ? "close" : "open", tabIndex: -1 })
        : make("span", { class: "fold" }));
    }
    cell.append(make("span", { class: "name", text }));
  }

  private drawTotal(rows: Row[]): void {
    const { total } = this.options;
    if (!total) return;
    const cells = total(rows).map((text, index) =>
      make("td", { text, class: index === 0 ? "" : "number" }));
    this.body.append(make("tr", { class: "total" }, ...cells));
  }

  private toggle(row: Row): void {
    if (!this.closed.delete(row)) this.closed.add(row);
    this.draw();
  }

  private onKey(event: KeyboardEvent): void {
    const rows = [...this.body.children] as HTMLElement[];
    const index = rows.indexOf(document.activeElement as HTMLElement);
    const row = this.shown[index];
    if (index < 0 || row === undefined) return;
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Enter" || event.key === " ") this.options.onSelect(row);
    else if (event.key === "ArrowRight" && this.closed.has(row)) this.toggle(row);
    else if (event.key === "ArrowLeft" && !this.closed.has(row)) this.toggle(row);
    else if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    // The rows may be others by now.
    const { children } = this.body;
    ((children[index + by] ?? children[index]) as HTMLElement | undefined)?.focus();
  }

  // Opens what hides the selected row, and brings it into sight.
  reveal(): void {
    const row = this.options.rows.find(this.options.isSelected);
    for (let up = row && this.options.parent?.(row); up; up = this.options.parent!(up)) {
      this.closed.delete(up);
    }
    this.draw();
    (this.body.querySelector(".selected") ?? this.body.querySelector(".related"))?.scrollIntoView({ block: "nearest" });
  }

  csv(): string {
    const { columns } = this.options;
    const lines = [columns.map((column) => csvField(column.csv)).join(",")];
    for (const row of this.chosen()) {
      lines.push(columns.map((column) => csvField(column.value(row))).join(","));
    }
    return lines.join("\r\n") + "\r\n";
  }

  private copy(from: HTMLButtonElement): void {
    // The modern way is not there for files opened from a disk.
    const area = make("textarea", { class: "offscreen" });
    area.value = this.csv();
    document.body.append(area);
    area.focus();
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    from.focus();
    from.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { from.textContent = "Copy CSV"; }, 1500);
  }
}
