// What the report promises of memory: node memory_test.mjs FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { copiedTable, open, summaryOf, textOf, useReports } from "./pages.mjs";

useReports("sample", "saving", "long");

test("what is live at the peak sums to the peak", async () => {
  const page = await open("sample");
  await page.click("#tab-memory");
  await page.click("#peak");
  const live = (await copiedTable(page)).filter((row) => row.freed !== "" || row.made !== "");
  assert.equal(live.reduce((sum, row) => sum + Number(row.bytes), 0), summaryOf("sample").memory.peak_bytes);
  assert.match(await textOf(page, "#live"), /^1\.5 KiB live at 305\.0 us of step 0/);
});

test("what is live at the peak is told by what it is for, as by the tool", async () => {
  const { memory } = summaryOf("saving");
  const page = await open("saving", { hash: "#view=memory" });
  await page.click("#peak");
  const sums = {};
  for (const { role, bytes, made } of await copiedTable(page)) {
    if (made !== "") sums[role] = (sums[role] ?? 0) + Number(bytes);
  }
  assert.deepEqual(sums, { "saved for backward": memory.roles.saved, temporary: memory.roles.temporary });
  await page.click(".choice button:nth-child(4)");
  assert.equal(await textOf(page, ".legend"), "temporarysaved for backward");
});

test("an instant of the memory chart shows what is live then", async () => {
  const page = await open("sample", { hash: "#view=memory&step=0" });
  const { width } = await page.eval("(({ width }) => ({ width }))(document.querySelector('canvas').getBoundingClientRect())");
  // Between the first allocation, at 45 us, and the second, at 305 us, of 1000.
  await page.click("canvas", [92 + (width - 92) * 0.2, 0.5]);
  assert.match(await textOf(page, "#live"), /^1000 B live/);
  assert.deepEqual((await copiedTable(page)).map((row) => row.maker), ["linear in model.fc", "linear in model.fc"]);
});

test("each pixel of the memory chart has the most that was live in its time, and who held it", async () => {
  const page = await open("long", { hash: "#view=memory&step=900" });
  await page.press("9");
  await page.click(".choice button:nth-child(2)");
  const wrong = await page.eval(`(() => {
    const chart = report.canvas(), { picture, axis, groups, changes } = chart, wrong = [];
    const kinds = groups.names.length + 1, { bytes } = report.store.run.allocations;
    for (let x = 0; x < picture.live.length; ++x) {
      const begin = axis.time(axis.left + x), end = axis.time(axis.left + x + 1);
      let live = 0, most = -1;
      for (let i = 0; i < changes.count && changes.time[i] < end; ++i) {
        if (changes.time[i] >= begin) most = Math.max(most, live);
        live += changes.delta[i];
      }
      most = Math.max(most, live);
      let parts = 0;
      for (let group = 0; group < kinds - 1; ++group) parts += picture.parts[x * kinds + group];
      if (picture.live[x] !== most || parts !== most) wrong.push([x, picture.live[x], parts, most]);
    }
    return { wrong, greatest: Math.max(...picture.live) };
  })()`);
  assert.deepEqual(wrong.wrong, []);
  assert.equal(wrong.greatest, summaryOf("long").memory.peak_bytes);
});

test("zooming the memory chart leaves the table below as it is", async () => {
  const page = await open("sample", { hash: "#view=memory&step=0" });
  await page.eval("window.row = document.querySelector('tbody tr')");
  await page.press("w");
  assert.ok(await page.eval("report.store.state.range !== null && window.row.isConnected"));
  await page.click("tbody tr");
  assert.ok(await page.eval("document.querySelector('tr.selected, tr.related, .panel:not([hidden])') !== null"));
});

test("when a replay has ended, the table is that of the cursor", async () => {
  const page = await open("sample", { hash: "#view=memory&step=1" });
  await page.press("p");
  await page.press(".");
  await page.eval("for (let at = 1000000; at <= 1400000; at += 10000) report.store.play(at)");
  await page.until("document.querySelector('#live').textContent.startsWith('1.5 KiB live at 400.0 us')", 20);
  const live = (await copiedTable(page)).filter((row) => row.made !== "");
  assert.equal(live.reduce((sum, row) => sum + Number(row.bytes), 0), 1500);
});

test("who frees what is live can be read without scrolling", async () => {
  const page = await open("saving", { hash: "#view=memory" });
  await page.click("#peak");
  await page.click("tbody .fold");
  const cells = await page.eval("[...document.querySelectorAll('tbody tr')].map((row) => [row.cells[6].textContent, row.cells[7].textContent])");
  assert.ok(cells.some(([made]) => /^\d\.\d us$/.test(made)), JSON.stringify(cells));
  assert.ok(await page.eval("(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('.below .scroll'))"));
});
