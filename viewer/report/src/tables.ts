// The views that are tables: modules, ops, source. Their numbers are those of
// `torchtape summary --by=source --json`.

import { SourceTotal, SpanTotal, Work } from "./run/data";
import { button, make, shortPath, typeName } from "./widgets/dom";
import { Run, none } from "./run/run";
import { Selection, Store } from "./store";
import { Column, Table } from "./widgets/table";
import { TableName } from "./widgets/table_look";
import { count, known, share, time, bytes } from "./widgets/units";
import { View } from "./widgets/view";
import { amount, both, flopsOf, intensityOf, rateOf } from "./run/work";

function sum<Row>(rows: Row[], number: (row: Row) => number | null | undefined): number {
  return rows.reduce((total, row) => total + (number(row) ?? 0), 0);
}

// A column of times.
function times<Row>(
  name: string, csv: string, value: (row: Row) => number | null, hint = ""
): Column<Row> {
  return { name, csv, value, hint, text: (row) => known(value(row), (ns) => (ns === 0 ? "-" : time(ns))) };
}

function counts<Row>(name: string, csv: string, value: (row: Row) => number | null): Column<Row> {
  return { name, csv, value, text: (row) => known(value(row), count) };
}

function percent<Row>(value: (row: Row) => number, all: number): Column<Row> {
  return { name: "%", csv: "percent", value: (row) => (all > 0 ? (100 * value(row)) / all : null),
           text: (row) => share(value(row), all), bar: (row) => (all > 0 ? value(row) / all : 0) };
}

// What is computed and moved; the sums are those of `torchtape summary --by=work`.
function workColumns<Row>(work: (row: Row) => Work | undefined): Column<Row>[] {
  const column = (name: string, csv: string, hint: string, value: (row: Row) => number | null): Column<Row> =>
    ({ name, csv, hint, value, text: (row) => known(value(row), (each) => (each === 0 ? "-" : amount(each))) });
  return [
    column("FLOP", "flops", "in products and other arithmetic, forward and backward", (row) => flopsOf(work(row))),
    { name: "moved", csv: "moved_bytes", hint: "bytes that must be read and written",
      value: (row) => both(work(row))?.moved_bytes ?? null,
      text: (row) => known(both(work(row))?.moved_bytes ?? null, (each) => (each === 0 ? "-" : bytes(each))) },
    column("FLOP/s", "flops_per_second", "of what was timed", (row) => rateOf(work(row))),
    { name: "FLOP/B", csv: "intensity", hint: "FLOP for each byte that is moved",
      value: (row) => intensityOf(work(row)), text: (row) => known(intensityOf(work(row)), (each) => each.toFixed(1)) },
    { name: "unknown", csv: "unknown_ops", hint: "ops of which nobody knows how much they compute",
      value: (row) => both(work(row))?.unknown_ops ?? null,
      text: (row) => known(both(work(row))?.unknown_ops ?? null, (each) => (each === 0 ? "-" : count(each))) },
  ];
}

interface ModuleRow {
  index: number; // none: what belongs to no module
  parent: ModuleRow | null;
  path: string; name: string; type: string;
  calls: number | null; forward: number | null; backward: number | null;
  ops: number; // time of its ops
  parameters: number | null; bytes: number | null; peak: number | null; work: Work;
}

function moduleRows(run: Run): ModuleRow[] {
  const { summary, facts } = run;
  const rows = new Map<number, ModuleRow>();
  for (const total of summary.modules) {
    const index = run.moduleIndex.get(total.path)!;
    const parent = rows.get(facts.modules[index].parent) ?? null;
    const inside = parent && total.path.startsWith(`${parent.path}.`);
    rows.set(index, {
      index, parent, path: total.path, name: inside ? total.path.slice(parent.path.length + 1) : total.path,
      type: typeName(total.type), calls: total.calls, forward: total.forward_ns, backward: total.backward_ns,
      ops: total.ops_forward_ns + total.ops_backward_ns, parameters: total.parameters, bytes: total.bytes,
      peak: total.peak_bytes, work: total.work,
    });
  }
  const other = (name: string, forward: number | null, backward: number | null, work: Work): ModuleRow => ({
    index: none, parent: null, path: name, name, type: "", calls: null, forward, backward,
    ops: (forward ?? 0) + (backward ?? 0), parameters: null, bytes: null, peak: null, work });
  const { optimizer, unattributed } = summary;
  return [...rows.values(), ...(optimizer.ops ? [other("(optimizer)", optimizer.time_ns, null, optimizer.work)] : []),
    other("(unattributed)", unattributed.forward_ns, unattributed.backward_ns, unattributed.work)];
}

export function moduleView(store: Store): View {
  const rows = moduleRows(store.run);
  const all = store.run.outermostNs;
  const state = () => store.state;
  const table = new Table<ModuleRow>({
    name: "modules", rows, sort: -1, looking: store.looking("modules"), parent: (row) => row.parent,
    counted: ({ index }) => index !== none,
    columns: [
      { name: "module", csv: "module", value: (row) => row.path, text: (row) => row.name },
      { name: "type", csv: "type", value: (row) => row.type, text: (row) => row.type },
      counts("calls", "calls", (row) => row.calls),
      times("forward", "forward_ns", (row) => row.forward, "with the modules inside"),
      times("backward", "backward_ns", (row) => row.backward, "with the modules inside"),
      times("op time", "ops_ns", (row) => row.ops, "of its ops and those of the modules inside, forward and backward"),
      percent((row) => row.ops, all),
      counts("params", "parameters", (row) => row.parameters),
      { name: "bytes", csv: "bytes", value: (row) => row.bytes,
        text: (row) => known(row.bytes, bytes) },
      { name: "peak", csv: "peak_bytes", value: (row) => row.peak,
        hint: "the most that was live at once of what its ops allocated",
        text: (row) => known(row.peak, bytes) },
      ...workColumns<ModuleRow>((row) => row.work),
    ],
    total: () => ["all outermost ops", "", "", "", "", time(all), "", "", "", "", ...workTotals(store.run.summary.work)],
    onSelect: (row) => { if (row.index !== none) store.select({ kind: "module", module: row.index }); },
    isRelated: (row) => row.index !== none && store.related.modules.has(row.index),
    isSelected: (row) => state().selection.kind === "module" &&
      (state().selection as { module: number }).module === row.index,
  });
  return tableView(store, [{ key: "modules", name: "", table }]);
}

// The cells of a table's last row.
function workTotals(work: Work): string[] {
  return workColumns<Work>((row) => row).map((column) => column.text(work));
}

function spanColumns(kind: string, all: number): Column<SpanTotal>[] {
  const columns: Column<SpanTotal>[] = [
    { name: kind, csv: "name", value: (row) => row.name, text: (row) => row.name },
    counts("count", "count", (row) => row.count),
    times("self time", "self_ns", (row) => row.self_ns, "without the spans inside it"),
    percent((row) => row.self_ns, all),
    times("total", "total_ns", (row) => row.total_ns, "with the spans inside it"),
    times("per call", "mean_ns", (row) => row.total_ns / Math.max(row.count - row.untimed_count, 1)),
  ];
  if (kind !== "op") return columns;
  columns.splice(4, 0,
    times("forward", "forward_self_ns", (row) => row.forward_self_ns ?? null,
          "self time outside of the backward pass"),
    times("backward", "backward_self_ns", (row) => row.backward_self_ns ?? null,
          "self time inside of the backward pass"));
  return [...columns, ...workColumns<SpanTotal>((row) => row.work)];
}

const workNames = new Set(workColumns<Work>((row) => row).map(({ csv }) => csv));

// Of rows of ops; speeds do not add up.
function workTotal(rows: SpanTotal[], csv: string): string {
  if (csv === "flops") return amount(sum(rows, (row) => flopsOf(row.work)));
  if (csv === "moved_bytes") return bytes(sum(rows, (row) => both(row.work)?.moved_bytes));
  if (csv === "unknown_ops") return count(sum(rows, (row) => both(row.work)?.unknown_ops));
  return "";
}

export function opView(store: Store): View {
  const { summary } = store.run;
  const table = (key: TableName, name: string, kind: string, rows: SpanTotal[]): OneOf => {
    const all = sum(rows, (row) => row.self_ns);
    const columns = spanColumns(kind, all);
    return { key, name, table: new Table<SpanTotal>({
      name, rows, columns, sort: 2, looking: store.looking(key),
      onSelect: (row) => store.select({ kind: "name", name: row.name }),
      isSelected: (row) => isNamed(store, row.name),
      isRelated: (row) => store.related.names.has(row.name),
      total: (shown) => columns.map((column, index) =>
        workNames.has(column.csv) ? workTotal(shown, column.csv)
          : index === 0 ? (shown.length === rows.length ? `all ${name}` : `these ${name}`)
          : column.csv === "count" ? count(sum(shown, (row) => row.count))
          : column.csv === "percent" ? share(sum(shown, (row) => row.self_ns), all)
          : column.csv === "total_ns" || column.csv === "mean_ns" ? ""
          : time(sum(shown, (row) => column.value(row) as number))),
    }) };
  };
  const tables = [table("ops", "ops", "op", summary.ops)];
  if (summary.backward.length) tables.push(table("backward", "backward nodes", "backward node", summary.backward));
  if (summary.ranges.length) tables.push(table("ranges", "ranges", "range", summary.ranges));
  if (summary.scripts.length) tables.push(table("scripts", "scripts", "script", summary.scripts));
  return tableView(store, tables);
}

// Whether the selection is of calls of this name.
function isNamed(store: Store, name: string): boolean {
  const { selection } = store.state;
  if (selection.kind === "name") return selection.name === name;
  return selection.kind === "span" && store.run.operator(selection.span).name === name;
}

export function sourceView(store: Store): View {
  const { summary, facts } = store.run;
  const state = () => store.state;
  const rows = [...summary.sources, summary.no_source];
  const all = sum(rows, (row) => row.self_ns);
  const lineOf = (row: SourceTotal) => facts.lines.findIndex((line) =>
    line.file === row.file && line.line === row.line && line.function === row.function);
  const place = (row: SourceTotal) => row.file ? `${shortPath(row.file)}:${row.line}`
    : row === summary.no_source ? "(not known)" : "";
  const opsOf = (row: SourceTotal) =>
    row.ops.map((op) => op.name.replace(/^aten::/, "")).join(", ");
  const table = new Table<SourceTotal>({
    name: "lines", rows, sort: 4, looking: store.looking("source"), counted: (row) => row !== summary.no_source,
    columns: [
      { name: "source", csv: "source", text: place,
        value: (row) => (row.file ? `${row.file}:${row.line}` : "") },
      { name: "function", csv: "function", value: (row) => row.function ?? "",
        text: (row) => row.function ?? "" },
      { name: "ops", csv: "ops", value: opsOf, text: opsOf },
      counts("calls", "calls", (row) => row.calls),
      times("self time", "self_ns", (row) => row.self_ns, "of all ops and backward nodes of the line"),
      percent((row) => row.self_ns, all),
      times("forward", "forward_self_ns", (row) => row.forward_self_ns),
      times("backward", "backward_self_ns", (row) => row.backward_self_ns),
      times("total", "total_ns", (row) => row.total_ns),
    ],
    total: (shown) => [shown.length === rows.length ? "all lines" : "these lines", "", "", count(sum(shown, (row) => row.calls)),
      time(sum(shown, (row) => row.self_ns)), share(sum(shown, (row) => row.self_ns), all),
      time(sum(shown, (row) => row.forward_self_ns)),
      time(sum(shown, (row) => row.backward_self_ns)), ""],
    onSelect: (row) => { const line = lineOf(row); if (line >= 0) store.select({ kind: "line", line }); },
    isRelated: (row) => { const line = lineOf(row); return line >= 0 && store.related.lines.has(line); },
    isSelected: (row) => {
      const { selection } = state();
      const line = selection.kind === "line" ? selection.line
        : selection.kind === "span" ? store.run.spans.line[selection.span] : none;
      return line !== none && line === lineOf(row);
    },
  });
  return tableView(store, [{ key: "source", name: "", table }]);
}

// One table, or several behind buttons.
interface OneOf {
  key: TableName;
  name: string;
  table: { element: HTMLElement; draw(): void; reveal(): void };
}

function tableView(store: Store, tables: OneOf[]): View {
  const choice = make("div", { class: "choice", role: "group" });
  tables.forEach(({ key, name }, index) => choice.append(
    button(name, () => store.set({ table: index === 0 ? "" : key }), { id: `table-${key}` })));
  const host = make("div", { class: "tables" });
  let shown: OneOf | null = null;
  let selection: Selection | null = null; // that was brought into sight
  const update = () => {
    const { state } = store;
    const now = tables.find(({ key }) => key === state.table) ?? tables[0];
    tables.forEach((each, i) => choice.children[i].setAttribute("aria-pressed", String(each === now)));
    if (now !== shown) host.replaceChildren(...(tables.length > 1 ? [choice] : []), now.table.element);
    if (now !== shown || selection !== state.selection) now.table.reveal();
    else now.table.draw();
    [shown, selection] = [now, state.selection];
  };
  return { element: host, update };
}
