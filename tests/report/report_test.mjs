// What the report promises, in a browser: node report_test.mjs FOLDER, where
// make_logs has put the logs. Each log of the folder is opened.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { clickRow, copiedTable, folder, open, panelTitle, summaryOf, textOf, tool, useReports, views } from "./pages.mjs";

useReports("sample", "saving", "killed", "hostile");

test("each view opens, light and dark, without an error and without the network", async () => {
  for (const dark of [false, true]) {
    const page = await open("sample", { dark });
    for (const view of views) {
      await page.click(`#tab-${view}`);
      assert.equal(await page.eval("report.store.state.view"), view);
      assert.ok(await page.eval("document.querySelector('main').textContent.length") > 20, view);
    }
    assert.deepEqual(page.problems, []);
    assert.deepEqual(page.requests, [pathToFileURL(`${folder}/sample.html`).href]);
  }
});

test("the policy of the page refuses the network and scripts of others", async () => {
  const page = await open("sample");
  await page.eval("fetch('http://127.0.0.1:9/').catch(() => {})");
  await page.eval(`document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hacked=1'>")`);
  await page.settle();
  assert.equal(await page.eval("window.hacked"), undefined);
  assert.ok(page.problems.some((text) => text.includes("Content Security Policy")), page.problems.join());
});

test("the tables have the numbers of summary --json", async () => {
  const page = await open("sample");
  const summary = summaryOf("sample");
  await page.click("#tab-ops");
  const ops = await copiedTable(page);
  assert.equal(ops.length, summary.ops.length);
  for (const { name, count, self_ns, total_ns, forward_self_ns, backward_self_ns } of summary.ops) {
    const row = ops.find((each) => each.name === name);
    assert.deepEqual([row.count, row.self_ns, row.total_ns, row.forward_self_ns, row.backward_self_ns].map(Number),
      [count, self_ns, total_ns, forward_self_ns, backward_self_ns], name);
  }
  await page.click("#tab-modules");
  const modules = await copiedTable(page);
  for (const { path, forward_ns, backward_ns, parameters, bytes } of summary.modules) {
    const row = modules.find((each) => each.module === path);
    assert.deepEqual([row.forward_ns, row.backward_ns, row.parameters, row.bytes],
      [forward_ns, backward_ns, parameters, bytes].map((each) => (each === null ? "" : String(each))), path);
  }
  await page.click("#tab-source");
  const self = (await copiedTable(page)).reduce((sum, row) => sum + Number(row.self_ns), 0);
  assert.equal(self, summary.ops.concat(summary.backward).reduce((sum, each) => sum + each.self_ns, 0));
});

test("the events of the page add up to the totals of summary --json", async () => {
  const page = await open("sample");
  const summary = summaryOf("sample");
  const sums = await page.eval(`(() => { const { run } = report.store; const sums = {};
    for (let i = 0; i < run.spans.count; ++i) {
      const sum = sums[run.operator(i).name] ??= { count: 0, self: 0, total: 0 };
      ++sum.count; sum.self += run.spans.self[i]; sum.total += run.spans.end[i] - run.spans.start[i]; }
    return sums; })()`);
  for (const { name, count, self_ns, total_ns } of [...summary.ops, ...summary.backward, ...summary.ranges]) {
    assert.deepEqual(sums[name], { count, self: self_ns, total: total_ns }, name);
  }
});

test("what is computed is that of summary --json, in the table and in the spans", async () => {
  const page = await open("sample", { hash: "#view=ops" });
  const { ops, work } = summaryOf("sample");
  const sums = await page.eval(`(() => { const { run } = report.store; const sums = {};
    for (let i = 0; i < run.spans.count; ++i) {
      if (run.spans.work[i] < 2) continue;
      const [matrix, arithmetic, , moved] = run.facts.works[run.spans.work[i] - 2];
      const sum = sums[run.operator(i).name] ??= { flops: 0, moved: 0 };
      sum.flops += matrix + arithmetic; sum.moved += moved; }
    return sums; })()`);
  const of = (each, ...keys) => ["forward", "backward"].flatMap((side) => keys.map((key) => each[side][key]))
    .reduce((a, b) => a + b, 0);
  const rows = await copiedTable(page);
  for (const { name, work: each } of ops) {
    const row = rows.find((other) => other.name === name);
    if (!each || !of(each, "counted_ops")) { assert.equal(row.flops, "", name); continue; }
    const flops = of(each, "matrix_flops", "arithmetic_flops"), moved = of(each, "moved_bytes");
    assert.deepEqual([row.flops, row.moved_bytes].map(Number), [flops, moved], name);
    assert.deepEqual(sums[name], { flops, moved }, name);
  }
  assert.ok(of(work, "matrix_flops") > 0);
});

test("who told the module of an op, and its types by name, are in the panel", async () => {
  const page = await open("sample", { hash: "#view=ops&select=span%3A1.1" });
  assert.equal(await panelTitle(page), "aten::linear");
  assert.match(await textOf(page, ".panel dl"), /modulemodel\.fc.*toldby its parameters/);
});

test("a link to a span holds in a report of other steps", async () => {
  const page = await open("sample", { hash: "#view=timeline&step=1&select=span%3A1.3" });
  const title = await panelTitle(page);
  assert.equal(title, "aten::addmm");
  execFileSync(tool, ["report", "--step", "1", `${folder}/sample.tape`, "-o", `${folder}/one.html`], { stdio: "ignore" });
  const other = await open("one", { hash: await page.eval("location.hash") });
  assert.equal(await panelTitle(other), title);
  assert.equal(await other.eval("report.store.state.step"), await other.eval("report.store.run.stepIndex(1)"));
  const wrong = await open("sample", { hash: "#view=timeline&select=span%3A1.999" });
  assert.equal(await panelTitle(wrong), undefined);
});

test("a replay goes from op to op, plays to the end of the step, and ends", async () => {
  const page = await open("sample", { hash: "#view=graph&step=1" });
  await page.press("p");
  assert.equal(await page.eval("report.store.state.cursor"), 1000000);
  await page.press(".");
  assert.match(await textOf(page, "#replayed"), /^20\.0 us of 1\.0 ms  aten::linear  model\.fc/);
  const lit = "(([item, side]) => report.canvas().stateOf(item, side))";
  assert.equal(await page.eval(`${lit}(["model.fc", false])`), 2);
  assert.equal(await page.eval(`${lit}(["model.fc", true])`), 0);
  await page.press(".");
  assert.match(await textOf(page, "#replayed"), /aten::relu/);
  await page.press(".");
  assert.match(await textOf(page, "#replayed"), /AddmmBackward0/);
  assert.equal(await page.eval(`${lit}(["model.fc", false])`), 1);
  assert.equal(await page.eval(`${lit}(["model.fc", true])`), 2);
  await page.press(",");
  assert.match(await textOf(page, "#replayed"), /aten::relu/);
  await page.eval("document.querySelector('.replay select').selectedIndex = 5");
  await page.eval("document.querySelector('.replay select').onchange()");
  await page.press(" ");
  await page.until("report.store.state.cursor >= 2000000");
  assert.match(await textOf(page, "#replayed"), /^1\.0 ms of 1\.0 ms/);
  await page.press("p");
  assert.ok(await page.eval("document.querySelector('.replay').hidden"));
  assert.deepEqual(page.problems, []);
});

test("a module that is selected in its table is selected in every view", async () => {
  const page = await open("sample", { hash: "#view=modules&step=1" });
  await clickRow(page, "fc");
  assert.equal(await panelTitle(page), "model.fc");
  const selected = await page.eval(`(() => { const { run, mask } = report.store;
    return [...mask.keys()].filter((i) => mask[i] === 2).map((i) => run.operator(i).name); })()`);
  assert.deepEqual([...new Set(selected)].sort(), ["AddmmBackward0", "aten::addmm", "aten::linear", "aten::mm", "aten::t"]);
  await page.click("#tab-ops");
  const marked = await page.eval("[...document.querySelectorAll('tr.related')].map((row) => row.cells[0].textContent).sort()");
  assert.deepEqual(marked, ["aten::addmm", "aten::linear", "aten::mm", "aten::t"]);
  await page.click("#tab-graph");
  assert.ok(await page.eval("report.canvas().placeOf('model.fc') !== null"));
  assert.equal(await page.eval("report.store.state.step"), 1);
});

test("a span that is clicked in the timeline is the selection, and keys go on from it", async () => {
  const page = await open("sample", { hash: "#view=timeline&step=1" });
  const span = await page.eval(`(() => { const { run } = report.store;
    return [...run.spans.name.keys()].find((i) => run.operator(i).name === "aten::addmm" && run.spans.step[i] === 1); })()`);
  await page.click("canvas", await page.eval(`report.canvas().placeOf(${span})`));
  assert.equal(await panelTitle(page), "aten::addmm");
  assert.match(await textOf(page, ".panel dl"), /time60\.0 us.*backwardAddmmBackward0 {2}200\.0 us/);
  await page.press("ArrowUp");
  assert.equal(await panelTitle(page), "aten::linear");
  await page.press("Escape");
  assert.equal(await panelTitle(page), undefined);
});

test("the wheel zooms the timeline around the mouse", async () => {
  const page = await open("sample", { hash: "#view=timeline&step=1" });
  await page.wheel("canvas", [0.5, 0.5], -500);
  await page.until("report.store.state.range !== null");
  const [from, to] = await page.eval("report.store.state.range");
  assert.ok(from > 1000000 && to < 2000000 && to - from < 500000, `${from} ${to}`);
});

test("groups of the graph open and close by click, forward beside its backward", async () => {
  const page = await open("sample", { hash: "#view=graph&step=1" });
  assert.ok(await page.eval("report.canvas().shownKeys.includes('model.fc')"));
  const [x, y] = await page.eval("report.canvas().placeOf('model.fc')");
  await page.click("canvas", [x - 28, y]);
  assert.ok(await page.eval("report.canvas().shownKeys.includes('model.fc/0')"));
  await page.click("canvas", await page.eval("report.canvas().placeOf('model.fc/0')"));
  assert.equal(await panelTitle(page), "aten::linear");
  await page.click("canvas", await page.eval("report.canvas().placeOf('model.fc')"));
  const link = await page.eval("location.hash");
  assert.match(link, /select=module%3Amodel\.fc|select=span/);
});

test("a click in the minimap brings that part of the graph into sight", async () => {
  const page = await open("sample", { hash: "#view=graph&step=1" });
  assert.equal(await page.eval("report.canvas().minimap.placeOf(0, 0)"), null);
  await page.wheel("canvas", [0.02, 0.02], -3000);
  await page.until("report.canvas().minimap.placeOf(0, 0) !== null", 20);
  const corner = await page.eval("report.canvas().minimap.placeOf(0, 0)");
  await page.click("canvas", [corner[0] + 2, corner[1] + 2]);
  const box = await page.eval("report.canvas().placeOf('model')");
  const { width, height } = await page.eval("(({ width, height }) => ({ width, height }))(document.querySelector('canvas').getBoundingClientRect())");
  assert.ok(box[0] > 0 && box[0] < width && box[1] > 0 && box[1] < height, `${box}`);
});

test("search finds modules, ops and types; Enter selects", async () => {
  const page = await open("sample");
  for (const [query, title] of [["model.act", "model.act"], ["addmm", "aten::addmm"], ["[2, 3]", "float32[2, 3]"],
                                ["batch", "batch"]]) {
    await page.press("/");
    await page.type(query);
    await page.press("Enter");
    assert.equal(await panelTitle(page), title);
  }
  await page.press("/");
  await page.type("no such thing");
  assert.match(await textOf(page, ".results"), /nothing is called so/);
});

test("a link restores view, step and selection, and back goes back", async () => {
  const page = await open("sample", { hash: "#view=ops&step=2&select=op%3Aaten%3A%3Amm" });
  assert.equal(await panelTitle(page), "aten::mm");
  assert.equal(await textOf(page, "output"), "step 2");
  await page.click("#tab-timeline");
  const link = await page.eval("location.hash");
  await page.eval("history.back()");
  await page.until("report.store.state.view === 'ops'");
  const again = await open("sample", { hash: link });
  assert.deepEqual(await again.eval("report.store.state"), { ...(await again.eval("report.store.state")), view: "timeline",
    step: 2, selection: { kind: "name", name: "aten::mm" } });
});

test("a step that is clicked in the overview is the step of all views", async () => {
  const page = await open("sample");
  const { width } = await page.eval("(({ width }) => ({ width }))(document.querySelector('canvas').getBoundingClientRect())");
  await page.click("canvas", [54 + (width - 54) * 0.5, 0.5]);
  assert.equal(await textOf(page, "output"), "step 1");
  await page.press("]");
  assert.equal(await textOf(page, "output"), "step 2");
});

test("tables sort and filter", async () => {
  const page = await open("sample", { hash: "#view=ops" });
  const first = () => page.eval("document.querySelector('tbody tr td').textContent");
  assert.equal(await first(), "aten::mm");
  await page.click("thead th:nth-child(2) button");
  await page.click("thead th:nth-child(2) button");
  assert.equal(await page.eval("document.querySelectorAll('thead th')[1].ariaSort"), "ascending");
  await page.click(".table input");
  await page.type("lin");
  assert.equal(await first(), "aten::linear");
  assert.match(await textOf(page, ".note"), /^1 of 5 ops/);
});

test("hostile names are text and nothing else", async () => {
  const page = await open("hostile");
  const elements = "document.querySelectorAll('img, svg, script, iframe, object, a, style').length";
  const usual = await page.eval(elements);
  for (const view of views) await page.click(`#tab-${view}`);
  await page.click("#tab-ops");
  await clickRow(page, "</script><script>window.hacked=1</script>");
  assert.equal(await panelTitle(page), "</script><script>window.hacked=1</script>");
  await page.click("#tab-modules");
  await page.press("/");
  await page.type("__proto__");
  await page.press("Enter");
  assert.match(await panelTitle(page), /__proto__/);
  assert.equal(await page.eval(elements), usual);
  assert.equal(await page.eval("window.hacked"), undefined);
  assert.ok(!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(await page.eval("document.body.innerText")));
  assert.deepEqual(page.problems, []);
  assert.equal(page.requests.length, 1);
});

test("a log that was not finished says so", async () => {
  const page = await open("killed");
  assert.match(await textOf(page, ".notices"), /not finished/);
  assert.equal(await (await open("sample")).eval("document.querySelector('.notices')"), null);
});

test("the page says what it is without data of its own from elsewhere", () => {
  const html = readFileSync(`${folder}/sample.html`, "utf8");
  assert.match(html, /default-src 'none'/);
  assert.doesNotMatch(html, /https?:\/\//);
});

test("search finds a shape, however one writes it", async () => {
  const page = await open("sample");
  const wanted = await page.eval("report.store.run.facts.texts.find((text) => /^float32\\[\\d+, \\d+\\]$/.test(text))");
  const [rows, columns] = /\d+, \d+/.exec(wanted)[0].split(", ");
  for (const between of ["x", "\u00d7", ",", ", "]) {
    await page.press("/");
    await page.type(`float32 ${rows}${between}${columns}`);
    await page.press("Enter");
    assert.equal(await panelTitle(page), wanted);
  }
});

test("the results of a search stay open for one who leaves the field and comes back at once", async () => {
  const page = await open("sample");
  await page.press("/");
  await page.press("Escape");
  await page.press("/");
  await page.type("linear");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await page.eval("document.querySelector('.results').hidden"), false);
});
