// What the report promises of the overview: node overview_test.mjs FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, textOf, useReports } from "./pages.mjs";

useReports("kernels", "sample");

const recording = (page) => page.eval(`Object.fromEntries([...document.querySelectorAll(".facts dt")]
  .map((name) => [name.textContent, name.nextSibling.textContent]))`);

test("the overview tells what recording cost the program, and what was lost", async () => {
  const facts = await recording(await open("kernels"));
  assert.equal(facts.cost, "about 40.0 us of the program's threads, 2.0 % slower");
  assert.equal(facts.lost, "3 kernels and copies");
});

test("a cost that was not measured is not called none", async () => {
  const facts = await recording(await open("sample"));
  assert.equal(facts.cost, "not measured");
});
