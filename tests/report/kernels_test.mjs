// What the report promises of kernels, copies and memsets: node kernels_test.mjs
// FOLDER.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { folder, open, panelTitle, summaryOf, textOf, tool, useReports } from "./pages.mjs";

useReports("kernels", "paths");

const at = (page, entry) => page.eval(`report.canvas().placeOf("device:${entry}")`);

test("each kernel is a bar of its stream, from its start on, as long as it took", async () => {
  const page = await open("kernels", { hash: "#view=timeline&step=0" });
  const bars = await page.eval(`(() => { const { devices, facts, spans } = report.store.run;
    return [...devices.start.keys()].map((i) => [facts.activities[devices.activity[i]].name, facts.device_streams[devices.stream[i]].stream,
      devices.start[i], devices.end[i] - devices.start[i], devices.span[i] < 0 ? null : report.store.run.operator(devices.span[i]).name]); })()`);
  assert.deepEqual(bars, [["gemm<float>", 7, 140000, 300000, "aten::addmm"], ["bias", 7, 440000, 60000, "aten::linear"],
    ["", 20, 500000, 100000, null]]);
  const { kernels } = summaryOf("kernels");
  assert.equal(bars.reduce((sum, [, , , ns]) => sum + ns, 0), kernels.total_ns);
  assert.deepEqual(await page.eval("report.canvas().band.lanes.groups.map(({ name }) => name)"),
    ["thread 1 main", "cuda:0 stream 7", "cuda:0 stream 20"]);
});

test("a kernel says under the mouse who launched it, and leads there", async () => {
  const page = await open("kernels", { hash: "#view=timeline&step=0" });
  await page.hover("canvas", await at(page, 0));
  assert.match(await textOf(page, ".tip"), /^gemm<float> on cuda:0 stream 7300\.0 us on the device, 30\.0 us after the host began itlaunched by aten::addmm:/);
  await page.click("canvas", await at(page, 0));
  assert.equal(await panelTitle(page), "aten::addmm");
  assert.match(await textOf(page, ".panel dl"), /on devicesgemm<float> {2}300\.0 us/);
});

test("a kernel that nobody knows who launched is there and says so", async () => {
  const page = await open("kernels", { hash: "#view=timeline&step=0" });
  await page.hover("canvas", await at(page, 2));
  assert.match(await textOf(page, ".tip"), /^copy on cuda:0 stream 20100\.0 us on the device4\.0 KiBnobody knows what launched it/);
  await page.click("canvas", await at(page, 2));
  assert.equal(await panelTitle(page), undefined);
});

test("an op has in the panel what it and the ops inside of it launched", async () => {
  const page = await open("kernels", { hash: "#view=timeline&select=span%3A0.0" });
  assert.equal(await panelTitle(page), "aten::linear");
  assert.match(await textOf(page, ".panel dl"), /on devicesgemm<float> {2}300\.0 usbias {2}60\.0 us/);
});

test("search finds a kernel, and selects the ops that launched it", async () => {
  const page = await open("kernels", { hash: "#view=timeline&step=0" });
  await page.press("/");
  await page.type("gemm");
  await page.press("Enter");
  assert.equal(await panelTitle(page), "gemm<float>");
  assert.match(await textOf(page, ".panel dl"), /runs1, 300\.0 us/);
  assert.deepEqual(await page.eval("[...report.store.mask]"), [0, 2, 0, 0]);
  const again = await open("kernels", { hash: await page.eval("location.hash") });
  assert.equal(await panelTitle(again), "gemm<float>");
});

test("kernels have no part in the critical path, which says so", async () => {
  const page = await open("kernels", { hash: "#view=timeline&step=0&select=path" });
  assert.match(await textOf(page, ".panel dl"), /deviceleft out: it has kernels, but no times of ops/);
});

test("of chosen steps the page has what their spans launched", async () => {
  for (const [step, names] of [["0", ["gemm<float>", "bias"]], ["1", []]]) {
    execFileSync(tool, ["report", "--step", step, `${folder}/kernels.tape`, "-o", `${folder}/launched.html`], { stdio: "ignore" });
    const page = await open("launched");
    assert.deepEqual(await page.eval(`[...report.store.run.devices.activity].map((i) => report.store.run.facts.activities[i].name)`), names);
  }
});
