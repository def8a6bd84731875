// What the report promises of the overview: node overview_test.mjs FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, textOf, useReports } from "./pages.mjs";

useReports("kernels", "sample");

const recording = (page) => page.eval(`Object.fromEntries([...document.querySelectorAll(".facts dt")]
  .map((name) => [name.textContent, name.nextSibling.textContent]))`);

test("the overview tells what recording cost the program, and what was lost", async () => {
  const facts = await recording(await open("kernels"));
  assert.equal(facts.cost, "about 40.0 us, the program 2.0 % slower");
  assert.equal(facts.lost, "3 kernels and copies");
});

test("a cost that was not measured is not called none", async () => {
  const facts = await recording(await open("sample"));
  assert.equal(facts.cost, "not measured");
});

test("of several logged values each can be looked at", async () => {
  const page = await open("kernels");
  const drawn = () => page.eval(`(() => { const choice = document.querySelector("#value"), card = choice.closest(".card");
    return [choice.selectedOptions[0].textContent, card.querySelector(".aside span").textContent.trim(), card.querySelector("canvas").ariaLabel]; })()`);
  assert.deepEqual(await drawn(), ["loss", "2.5 \u2192 1.5", "loss over the steps"]);
  await page.eval("document.querySelector('#value').focus()");
  await page.type("a"); // as one chooses by keys
  assert.deepEqual(await drawn(), ["accuracy", "0.25 \u2192 0.75", "accuracy over the steps"]);
  await page.hover(".row.first canvas[aria-label^=accuracy]", [0.9, 0.5]);
  assert.match(await textOf(page, ".tip"), /^0\.75/);
});
