// What the report promises of several processes: node ranks_test.mjs FOLDER. The
// last tests record a real training of three, if TRAINING names the program.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { test } from "node:test";
import { copiedTable, folder, makeReport, open, panelTitle, summaryOf, textOf, tool, useReports, views } from "./pages.mjs";

useReports("sample");

const logs = (...ranks) => ranks.map((rank) => `${folder}/rank${rank}.tape`);
const rankOf = (page) => page.eval("report.store.state.rank");

test("a log that is alone has no ranks, in a folder too", async () => {
  rmSync(`${folder}/alone`, { recursive: true, force: true });
  mkdirSync(`${folder}/alone`);
  copyFileSync(`${folder}/sample.tape`, `${folder}/alone/sample.tape`);
  makeReport("alone", `${folder}/alone`);
  for (const name of ["sample", "alone"]) {
    const page = await open(name);
    assert.equal(await page.eval("document.querySelector('#tab-ranks, #rank')"), null);
    assert.equal(await page.eval("location.hash.includes('rank')"), false);
  }
});

test("every rank has its lanes, on one axis, as its clock says", async () => {
  makeReport("ranks", ...logs(2, 0, 1));
  const page = await open("ranks", { hash: "#view=timeline&step=1" });
  assert.deepEqual(await page.eval("report.store.ranks.all.map(({ name }) => name)"), ["rank 0", "rank 1", "rank 2"]);
  const middle = (place) => page.eval(`report.canvas().placeOf(${JSON.stringify(place)})`);
  const nsAPixel = await page.eval("report.canvas().axis.nsPerPixel");
  // The linear of step 1 is the fifth span: calls, ops and collectives of a step are three.
  const [mine, other, far] = [await middle("0/4"), await middle("1/4"), await middle("2/4")];
  const apart = (a, b) => Math.round(((b[0] - a[0]) * nsAPixel) / 1000);
  assert.equal(apart(mine, other), 300 + 150);
  assert.equal(apart(mine, far), 600 + 1);
  assert.ok(mine[1] < other[1] && other[1] < far[1]);
  assert.deepEqual(page.problems, []);
});

test("how far ranks can be compared is said: one clock, several hosts, a start that is not known", async () => {
  makeReport("one_host", ...logs(0, 1));
  assert.match(await textOf(await open("one_host", { hash: "#view=ranks" }), "main"), /lie to each other within 1\.0 us\./);
  makeReport("ranks", ...logs(0, 1, 2));
  const page = await open("ranks", { hash: "#view=ranks" });
  assert.match(await textOf(page, "main"), /Between hosts they are placed by the wall clocks, and how far these disagree is not in the logs/);
  const rows = await copiedTable(page);
  assert.deepEqual(rows.map((row) => row.alignment_error_ns), ["0", "1000", ""]);
  assert.deepEqual(rows.map((row) => Number(row.starts_ns)), [0, 300000, 600000]);
  makeReport("unknown_start", `${folder}/sample.tape`, ...logs(0));
  assert.match(await textOf(await open("unknown_start", { hash: "#view=ranks" }), "main"), /does not tell when it began/);
});

test("the slow rank is named by its own time, although all steps take as long", async () => {
  makeReport("ranks", ...logs(0, 1, 2));
  const page = await open("ranks", { hash: "#view=ranks" });
  assert.match(await textOf(page, ".verdict"), /^rank 1 is slow: its ops take 74 % longer than the median of the ranks, and longest of all in 4 of 4 steps\.$/);
  const rows = await copiedTable(page);
  assert.deepEqual(rows.map((row) => Number(row.step_median_ns)), [1000000, 1000000, 1000000]);
  assert.deepEqual(rows.map((row) => Number(row.own_median_ns)), [400000, 700000, 402000]);
  assert.deepEqual(rows.map((row) => Number(row.slowest_in_steps)), [0, 4, 0]);
  makeReport("like", ...logs(0, 2));
  assert.match(await textOf(await open("like", { hash: "#view=ranks" }), ".verdict"), /^No rank is slower than the others/);
});

test("a cell leads to its rank and step, an arrow to the next", async () => {
  makeReport("ranks", ...logs(0, 1, 2));
  const page = await open("ranks", { hash: "#view=ranks&step=0" });
  await page.click(".filled canvas", await page.eval("report.canvas().placeOf('2.3')"));
  assert.deepEqual(await page.eval("[report.store.state.rank, report.store.state.step]"), [2, 3]);
  await page.press("ArrowUp");
  await page.press("ArrowLeft");
  assert.deepEqual(await page.eval("[report.store.state.rank, report.store.state.step]"), [1, 2]);
  await page.hover(".filled canvas", await page.eval("report.canvas().placeOf('1.2')"));
  assert.match(await textOf(page, ".tip"), /rank 1, step 2.*step 1\.0 ms.*own ops 700\.0 us.*174 % of the ranks' median/);
});

test("the selection is one, whatever rank is looked at, and a link restores it", async () => {
  makeReport("ranks", ...logs(0, 1, 2));
  const page = await open("ranks", { hash: "#view=timeline&step=1&range=1000000-3000000&select=module%3Anet" });
  const marked = (rank) => page.eval(`report.store.maskOf(${rank}).filter((each) => each === 2).length`);
  assert.deepEqual([await marked(0), await marked(1), await marked(2)], [8, 8, 8]);
  await page.click(".filled > canvas", await page.eval("report.canvas().placeOf('1/5')"));
  assert.equal(await rankOf(page), 1);
  assert.equal(await panelTitle(page), "c10d::allreduce_");
  assert.deepEqual([await marked(0), await marked(1), await marked(2)], [1, 1, 1]);
  const link = await page.eval("location.hash");
  await page.press("r");
  assert.equal(await rankOf(page), 2);
  assert.equal(await panelTitle(page), "c10d::allreduce_");
  assert.equal(await page.eval("document.querySelector('#rank').selectedOptions[0].textContent"), "rank 2");
  const other = await open("ranks", { hash: link });
  assert.equal(await rankOf(other), 1);
  assert.equal(await panelTitle(other), "c10d::allreduce_");
  await page.eval("history.back()");
  await page.until("report.store.state.rank === 1");
});

test("another rank shows the same instant of the timeline", async () => {
  makeReport("ranks", ...logs(0, 1, 2));
  const page = await open("ranks", { hash: "#view=timeline&step=1&at=1500000&range=1400000-1600000" });
  await page.press("r");
  assert.deepEqual(await page.eval("[report.store.state.cursor, ...report.store.state.range]"), [1200000, 1100000, 1300000]);
});

test("a log that is none is told, and the others are shown", async () => {
  const { status, stderr } = spawnSync(tool, ["report", ...logs(0, 1, 2, 3), "-o", `${folder}/some.html`], { encoding: "utf8" });
  assert.equal(status, 0);
  assert.match(stderr, /^torchtape: .*rank3\.tape: left out: not a torchtape log/m);
  const page = await open("some");
  assert.match(await textOf(page, ".notices"), /This page has 3 of 4 logs\. Left out: .*rank3\.tape: not a torchtape log/);
  assert.equal(spawnSync(tool, ["report", ...logs(3, 3), "-o", `${folder}/none.html`]).status, 1);
});

test("a page of several logs is bounded as that of one, with the same steps of all", async () => {
  copyFileSync(`${folder}/long.tape`, `${folder}/long2.tape`);
  makeReport("both", `${folder}/long.tape`, `${folder}/long2.tape`);
  const page = await open("both");
  const kept = await page.eval("report.store.ranks.all.map(({ run }) => run.facts.kept)");
  assert.ok(kept[0].spans + kept[1].spans <= 1e6);
  assert.deepEqual(kept[0].steps, kept[1].steps);
  for (const step of [0, 700, 900, 1099]) assert.ok(kept[0].steps.includes(step), `step ${step}`);
});

const skip = !process.env.TRAINING && "the examples are not built";
const ranks = 3;

async function train() {
  rmSync(`${folder}/training`, { recursive: true, force: true });
  mkdirSync(`${folder}/training`);
  const ended = Array.from({ length: ranks }, (_, rank) => new Promise((done) => {
    spawn(process.env.TRAINING, [`${folder}/training/run.${rank}.tape`, "1"], { stdio: "ignore",
      env: { ...process.env, RANK: String(rank), WORLD_SIZE: String(ranks), OMP_NUM_THREADS: "1" } }).on("close", done);
  }));
  assert.deepEqual(await Promise.all(ended), Array(ranks).fill(0));
  makeReport("training", `${folder}/training`);
}

test("a training of three processes has in every view the numbers of each log's summary", { skip }, async () => {
  await train();
  const page = await open("training");
  for (let rank = 0; rank < ranks; ++rank) {
    const { run, ops, memory, steps } = summaryOf(`training/run.${rank}`);
    assert.equal(await rankOf(page), rank);
    assert.equal(run.rank, rank);
    for (const view of [...views, "ranks"]) {
      await page.click(`#tab-${view}`);
      assert.ok(await page.eval("document.querySelector('main').textContent.length") > 20, view);
    }
    const row = (await copiedTable(page))[rank];
    assert.deepEqual([row.events, row.peak_bytes, row.steps, row.pid].map(Number), [run.events, memory.peak_bytes, steps.length, run.pid]);
    await page.click("#tab-ops");
    const table = await copiedTable(page);
    for (const { name, count, self_ns } of ops) {
      const op = table.find((each) => each.name === name);
      assert.deepEqual([op.count, op.self_ns].map(Number), [count, self_ns], name);
    }
    await page.press("r");
  }
  assert.deepEqual(page.problems, []);
});

test("a call of an op is in another rank the one that is as-many-th there", { skip }, async () => {
  const page = await open("training", { hash: "#view=timeline&step=3" });
  const nth = `((i) => { const { run, state } = report.store, [from] = run.spansOfStep(state.step);
    const key = (each) => run.operator(each).name + run.modulePath(run.spans.module[each]);
    return [key(i), Array.from({ length: i - from }, (_, before) => from + before).filter((each) => key(each) === key(i)).length]; })`;
  await page.eval(`(() => { const { run } = report.store, [from, to] = run.spansOfStep(3);
    const adds = Array.from({ length: to - from }, (_, i) => from + i).filter((i) => run.operator(i).name === "aten::mul_");
    report.store.select({ kind: "span", span: adds[3] }); })()`);
  const here = await page.eval(`${nth}(report.store.state.selection.span)`);
  assert.ok(here[1] > 1);
  await page.press("r");
  assert.deepEqual(await page.eval(`${nth}(report.store.state.selection.span)`), here);
});

test("processes of one host are placed by its steady clock", { skip }, async () => {
  const page = await open("training", { hash: "#view=timeline" });
  const starts = await page.eval("report.store.ranks.all.map(({ run }) => run.summary.run.start_steady_ns)");
  const offsets = await page.eval("report.store.ranks.all.map(({ offsetNs }) => offsetNs)");
  assert.deepEqual(offsets, starts.map((start) => start - starts[0]));
});

test("the critical path of every step of a real training is that of summary --by=path", { skip }, async () => {
  const { critical_path: path } = summaryOf("training/run.0", "path");
  const page = await open("training");
  const found = await page.eval(`(() => { const { run } = report.store;
    return run.summary.steps.map(({ number }, step) => { const { parts, ...sums } = report.criticalPath(run, step);
      return { number, parts: parts.filter(({ span }) => span >= 0).length, ...sums }; }); })()`);
  assert.deepEqual(found.map(({ number }) => number), path.steps.map(({ number }) => number));
  path.steps.forEach((step, i) => {
    const { number, parts, opNs, backwardNs, betweenNs, besideNs } = found[i];
    assert.deepEqual({ parts, opNs, backwardNs, betweenNs, besideNs },
      { parts: step.parts, opNs: step.op_ns, backwardNs: step.backward_ns, betweenNs: step.between_ns, besideNs: step.beside_ns }, `step ${number}`);
  });
  const byModule = await page.eval(`(() => { const { run } = report.store, sums = {};
    run.summary.steps.forEach((_, step) => { for (const { span, from, to } of report.criticalPath(run, step).parts) {
      if (span < 0) continue;
      const module = run.spans.module[span], path = module < 0 ? "null" : run.modulePath(module);
      sums[path] = (sums[path] ?? 0) + to - from; } });
    return sums; })()`);
  assert.deepEqual(byModule, Object.fromEntries(path.modules.map(({ path, path_ns }) => [String(path), path_ns])));
});
