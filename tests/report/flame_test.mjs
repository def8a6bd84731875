// What the report promises of the step's time by module: node flame_test.mjs
// FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, panelTitle, summaryOf, textOf, useReports } from "./pages.mjs";

useReports("sample", "saving");

const place = (page, path, op) => page.eval(`report.canvas().placeOf(${JSON.stringify(path)}, ${JSON.stringify(op)})`);

test("modules take in the flame graphs of all steps what summary --json says, and a box is the sum of those inside", async () => {
  const page = await open("sample", { hash: "#view=timeline&flame=" });
  const { sums, wrong } = await page.eval(`(() => {
    const { store, canvas } = report, sums = {}, wrong = [];
    const visit = (node) => {
      const { module, operator, children } = node;
      if (module >= 0 && operator < 0) {
        const sum = sums[store.run.modulePath(module)] ??= [0, 0];
        sum[0] += node.forwardNs; sum[1] += node.backwardNs;
      }
      for (const key of ["forwardNs", "backwardNs"]) {
        if (children.length && children.reduce((all, child) => all + child[key], 0) !== node[key]) wrong.push(node.key);
      }
      children.forEach(visit);
    };
    store.run.summary.steps.forEach((_, step) => { store.goToStep(step); visit(canvas().root); });
    return { sums, wrong };
  })()`);
  assert.deepEqual(wrong, []);
  const { modules } = summaryOf("sample");
  for (const { path, ops_forward_ns, ops_backward_ns } of modules) {
    assert.deepEqual(sums[path] ?? [0, 0], [ops_forward_ns, ops_backward_ns], path);
  }
  assert.ok(modules.some(({ ops_backward_ns }) => ops_backward_ns > 0));
});

test("the width of a box is its share of the step's time in ops", async () => {
  const page = await open("sample", { hash: "#view=timeline&flame=&step=1" });
  const wrong = await page.eval(`(() => {
    const { boxes } = report.canvas(), total = ({ node }) => node.forwardNs + node.backwardNs;
    return boxes.filter((box) => Math.abs(box.width / boxes[0].width - total(box) / total(boxes[0])) > 1e-9).length; })()`);
  assert.equal(wrong, 0);
  assert.ok(await page.eval("report.canvas().boxes.length") > 4);
});

test("a box is selected by click and zoomed to by double click, and a link restores that", async () => {
  const page = await open("sample", { hash: "#view=timeline&step=1" });
  await page.click("#flame");
  await page.hover("canvas:not([hidden])", await place(page, "model.fc"));
  assert.match(await textOf(page, ".tip"), /^model\.fcLinear.* in ops, .*forward .*, backward /);
  await page.click("canvas:not([hidden])", await place(page, "model.fc"), 2);
  assert.equal(await panelTitle(page), "model.fc");
  assert.equal(await page.eval("report.store.state.flame"), "model.fc");
  const shown = "JSON.stringify(report.canvas().boxes.map(({ node, x, width }) => [node.key, x, width]))";
  const again = await open("sample", { hash: await page.eval("location.hash") });
  assert.equal(await panelTitle(again), "model.fc");
  assert.equal(await again.eval(shown), await page.eval(shown));
  await again.press("ArrowDown"); // keys go on from there
  assert.equal(await panelTitle(again), "aten::linear");
  await again.press("0");
  assert.equal(await again.eval("report.store.state.flame"), "");
});

test("a module of no model is inside of the one that called it, by its whole name", async () => {
  const page = await open("saving", { hash: "#view=timeline&flame=" });
  await page.eval("report.store.goToStep(report.store.run.summary.steps.length - 1)");
  await page.settle();
  const names = await page.eval("report.canvas().boxes.map(({ node }) => [node.parent?.name, node.name])");
  assert.ok(names.some(([outer, name]) => outer === "model" && name === "Keep#1"), JSON.stringify(names));
});

test("keys stay in what the flame graph was zoomed to", async () => {
  const page = await open("saving", { hash: "#view=timeline&flame=" });
  await page.eval("report.store.goToStep(report.store.run.summary.steps.length - 1)");
  for (const key of ["ArrowDown", "Enter", "ArrowRight"]) await page.press(key);
  assert.equal(await page.eval("report.store.state.flame"), "model");
  assert.equal(await panelTitle(page), "model"); // and not what is of no module
});

test("keys open the flame graph and go from box to box", async () => {
  const page = await open("sample", { hash: "#view=timeline&step=1" });
  await page.press("g");
  await page.press("ArrowDown");
  while ((await panelTitle(page)) !== "model") await page.press("ArrowRight");
  await page.press("ArrowDown");
  assert.equal(await panelTitle(page), "model.fc");
  await page.press("ArrowDown");
  assert.equal(await panelTitle(page), "aten::linear");
  await page.press("ArrowUp");
  assert.equal(await panelTitle(page), "model.fc");
  await page.press("Enter");
  assert.equal(await page.eval("report.store.state.flame"), "model.fc");
  await page.press("g");
  assert.equal(await page.eval("report.store.state.flame"), null);
});
