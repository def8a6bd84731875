// What the report promises of logs with more events than one looks at: node
// scale_test.mjs FOLDER. How fast is measured by benchmarks/report.mjs.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { copiedTable, folder, open, summaryOf, textOf, useReports } from "./pages.mjs";

useReports("long");

test("a log with more events than fit is reduced, says so, and keeps its totals", async () => {
  assert.ok(statSync(`${folder}/long.html`).size < 6e6);
  const page = await open("long");
  assert.match(await textOf(page, ".notices"), /This page has the events of \d+ of 1100 steps/);
  const kept = await page.eval("report.store.run.facts.kept.steps");
  for (const step of [0, 700, 900, 1099]) assert.ok(kept.includes(step), `step ${step}`);
  assert.ok(await page.eval("report.store.run.spans.count") <= 1e6);
  const { ops, memory } = summaryOf("long");
  await page.click("#tab-ops");
  const [row] = await copiedTable(page);
  assert.deepEqual([Number(row.count), Number(row.self_ns)], [ops[0].count, ops[0].self_ns]);
  await page.click("#tab-memory");
  await page.click("#peak");
  const live = (await copiedTable(page)).filter(({ made }) => made !== "");
  assert.equal(live.reduce((sum, each) => sum + Number(each.bytes), 0), memory.peak_bytes);
});

test("numbers of shapes drawn in a frame stay small, however far one zooms out", async () => {
  const page = await open("long", { hash: "#view=timeline" });
  await page.press("9");
  const { shapes } = await page.eval("report.frames.timeline");
  assert.ok(shapes > 100 && shapes < 12000, String(shapes));
});

test("while a report opens, it says what it does", async () => {
  const page = await open("long", { script: `window.said = [];
    new MutationObserver(() => said.push(document.querySelector("[role=status].opening")?.textContent))
      .observe(document, { childList: true, subtree: true, characterData: true });` });
  const said = [...new Set(await page.eval("said"))].filter(Boolean).join(" ");
  assert.match(said, /: unpacking [\d.]+ [KM]iB .*: reading [\d.]+ k spans and [\d.]+ k allocations .*: drawing/);
  assert.equal(await page.eval("document.querySelector('.opening')"), null);
});
