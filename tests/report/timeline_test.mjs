// What the report promises of the timeline: node timeline_test.mjs FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, panelTitle, summaryOf, textOf, useReports } from "./pages.mjs";

useReports("sample", "paths");

// The parts of the path that is selected, as "from-to name", in us of the step,
// and what it is made of. Parts are in the order in which they are drawn.
const pathOf = (page) => page.eval(`(() => {
  const { run, state } = report.store, [begin] = run.stepRange(state.step);
  const { parts, ...sums } = report.criticalPath(run, state.step);
  return { sums, parts: parts.map(({ from, to, span, device }) => \`\${(from - begin) / 1000}-\${(to - begin) / 1000} \` +
    (span < 0 ? "-" : run.operator(span).name.replace("aten::", "") + (device < 0 ? "" : " on its device"))) };
})()`);

test("the critical path of a step goes through the backward pass of another thread", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=0&select=path" });
  const { parts, sums } = await pathOf(page);
  assert.deepEqual(parts, ["0-10 -", "10-110 first", "110-120 -", "120-200 second", "200-250 -", "250-450 SecondBackward0",
    "450-600 FirstBackward0", "600-700 -", "700-800 update", "800-1000 -"]);
  assert.deepEqual(sums, { opNs: 280000, backwardNs: 350000, deviceNs: 0, betweenNs: 370000, besideNs: 600000 });
});

test("an op that waits for what another thread makes has it before it on the critical path", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=1&select=path" });
  const { parts, sums } = await pathOf(page);
  assert.deepEqual(parts, ["0-20 -", "20-300 decode", "300-320 -", "320-500 consume", "500-1000 -"]);
  assert.deepEqual(sums, { opNs: 460000, backwardNs: 0, deviceNs: 0, betweenNs: 540000, besideNs: 90000 });
});

test("the critical path goes through a device from where it was asked to where its value is read", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=2&select=path" });
  const { parts, sums } = await pathOf(page);
  assert.deepEqual(parts, ["0-10 -", "10-40 -", "40-300 one on its device", "300-500 two on its device", "500-520 item",
    "520-530 -", "530-560 last", "560-1000 -"]);
  assert.deepEqual(sums, { opNs: 50000, backwardNs: 0, deviceNs: 460000, betweenNs: 490000, besideNs: 475000 });
});

test("summary --by=path says of these steps what the page says", async () => {
  const { critical_path: { steps } } = summaryOf("paths", "path");
  const page = await open("paths");
  for (const { number, op_ns, backward_ns, device_ns, between_ns, beside_ns } of steps) {
    const { parts, ...sums } = await page.eval(`report.criticalPath(report.store.run, ${number})`);
    assert.deepEqual(sums, { opNs: op_ns, backwardNs: backward_ns, deviceNs: device_ns, betweenNs: between_ns, besideNs: beside_ns }, `step ${number}`);
  }
  assert.deepEqual(steps.map(({ number, parts }) => [number, parts]), [[0, 5], [1, 2], [2, 4]]);
});

test("in every step the parts of the critical path follow each other and add up to the step", async () => {
  for (const name of ["sample", "paths"]) {
    const page = await open(name);
    const wrong = await page.eval(`(() => { const { run } = report.store;
      return run.summary.steps.map((_, step) => {
        const [from, to] = run.stepRange(step), { parts, ...sums } = report.criticalPath(run, step);
        const whole = parts.every((part, i) => part.from < part.to && part.from === (i ? parts[i - 1].to : from)) &&
          parts[parts.length - 1].to === to;
        return whole && sums.opNs + sums.backwardNs + sums.deviceNs + sums.betweenNs === to - from;
      }); })()`);
    assert.ok(wrong.length > 2 && wrong.every(Boolean), `${name}: ${wrong}`);
  }
});

test("the critical path is selected by its button or by c, told in the panel, and marked in every view", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=0" });
  await page.press("c");
  assert.equal(await panelTitle(page), "1.0 ms of step 0");
  assert.match(await textOf(page, ".panel dl"), /other ops280\.0 us, 28 %backward350\.0 us, 35 %.*between370\.0 us, 37 %.*beside it600\.0 us/);
  await page.press("ArrowRight");
  await page.press("ArrowRight");
  assert.match(await textOf(page, ".panel dl"), /at cursoraten::first {2}100\.0 us, the step begins/);
  await page.press("]");
  assert.match(await textOf(page, ".panel dl"), /other ops460\.0 us, 46 %/);
  const link = await page.eval("location.hash");
  await page.click("#tab-ops");
  const marked = await page.eval("[...document.querySelectorAll('tr.related')].map((row) => row.cells[0].textContent).sort()");
  assert.deepEqual(marked, ["aten::consume", "aten::decode"]);
  await page.click("#tab-timeline");
  await page.click("#path");
  assert.equal(await panelTitle(page), undefined);
  assert.equal(await panelTitle(await open("paths", { hash: link })), "1.0 ms of step 1");
});

test("a part of the critical path says under the mouse what it has waited for", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=1&select=path" });
  const consume = await page.eval("[...report.store.run.spans.name.keys()].find((i) => report.store.run.operator(i).name === 'aten::consume')");
  await page.hover("canvas", await page.eval(`report.canvas().placeOf(${consume})`));
  assert.match(await textOf(page, ".tip"), /on the critical path for 180\.0 us, after the op that made its input/);
});

test("a stream of a device has rows of its own, whose bars are the ops that asked for it", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=2" });
  const times = await page.eval(`(() => { const { devices } = report.store.run;
    return [...devices.start.keys()].map((i) => [devices.start[i], devices.end[i], devices.depth[i], devices.span[i] < 0]); })()`);
  assert.deepEqual(times, [[2040000, 2500000, 0, true], [2040000, 2300000, 1, false], [2300000, 2500000, 1, false]]);
  await page.hover("canvas", await page.eval("report.canvas().placeOf('device:1')"));
  assert.match(await textOf(page, ".tip"), /^aten::one on cuda:0 stream 4260\.0 us on the device, 30\.0 us after the host began it/);
  await page.click("canvas", await page.eval("report.canvas().placeOf('device:2')"));
  assert.equal(await panelTitle(page), "aten::two");
});

const xOf = (page, at) => page.eval(`report.canvas().axis.x(${at})`);
const measured = (page) => page.eval("report.canvas().measured?.map(Math.round)");

test("dragging with shift measures, in the timeline and the memory chart, and a link keeps it", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=0" });
  await page.drag("canvas", [await xOf(page, 250000), 0.5], [await xOf(page, 600000), 0.5], { shift: true });
  const [from, to] = await measured(page);
  assert.ok(Math.abs(from - 250000) < 2000 && Math.abs(to - 600000) < 2000, `${from} ${to}`);
  await page.drag("canvas", [0.5, 0.5], [0.4, 0.5]);
  assert.deepEqual(await measured(page), [from, to], "panning");
  await page.until("location.hash.includes('measure=')", 5);
  const again = await open("paths", { hash: await page.eval("location.hash") });
  assert.deepEqual(await measured(again), [from, to]);
  await again.press("Escape");
  assert.equal(await measured(again), undefined);
});

test("m measures from the cursor to where it is next, so that keys are enough", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=0" });
  await page.press("ArrowRight");
  await page.press("m");
  await page.press("ArrowRight");
  assert.deepEqual(await measured(page), [10000, 120000], "until the second m: up to the cursor");
  await page.press("m");
  await page.press("ArrowRight");
  await page.press("ArrowLeft");
  await page.press("ArrowLeft");
  assert.deepEqual(await measured(page), [10000, 120000]);
});

test("a double click zooms to the span that was hit first, although the panel then makes the timeline narrower", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=0" });
  const second = await page.eval("[...report.store.run.spans.name.keys()].find((i) => report.store.run.operator(i).name === 'SecondBackward0')");
  await page.click("canvas", await page.eval(`report.canvas().placeOf(${second})`), 2);
  assert.equal(await panelTitle(page), "SecondBackward0");
  assert.deepEqual(await page.eval("report.store.state.range"), [230000, 470000]);
});
