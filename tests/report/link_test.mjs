// What the report promises of links and of going back: node link_test.mjs FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, textOf, useReports } from "./pages.mjs";

useReports("sample", "kernels");

const link = (page) => page.eval("decodeURIComponent(location.hash)");
const firstCells = (page) => page.eval("[...document.querySelectorAll('tbody tr:not(.total)')].map((row) => row.cells[0].textContent)");
const sorted = (page) => page.eval(`[...document.querySelectorAll("thead th")]
  .filter((cell) => cell.ariaSort !== "none").map((cell) => [cell.textContent, cell.ariaSort])`);

test("a link restores what each table is sorted by and which rows it shows", async () => {
  const page = await open("sample", { hash: "#view=ops&step=1" });
  await page.click("thead th:nth-child(2) button");
  assert.match(await link(page), /&ops\.sort=count\.desc/);
  await page.click("thead th:nth-child(2) button");
  await page.click(".table input");
  await page.type("Mm");
  await page.click("#tab-modules");
  await page.click("thead th:nth-child(4) button");
  await page.click("#tab-ops");
  assert.match(await link(page), /&modules\.sort=forward_ns\.desc&ops\.sort=count\.asc&ops\.filter=Mm/);
  const shown = [await firstCells(page), await sorted(page)];
  assert.deepEqual(shown, [["aten::mm", "aten::addmm"], [["count \u2191", "ascending"]]]);
  const again = await open("sample", { hash: await page.eval("location.hash") });
  assert.deepEqual([await firstCells(again), await sorted(again)], shown);
  assert.equal(await again.eval("document.querySelector('.table input').value"), "Mm");
  await again.click("#tab-modules");
  assert.deepEqual(await sorted(again), [["forward \u2193", "descending"]]);
});

test("what is as usual is not in the link, and an old link shows it", async () => {
  const page = await open("sample", { hash: "#view=ops&step=1" });
  const [usual, order] = [await link(page), await firstCells(page)];
  await page.click("thead th:nth-child(2) button");
  await page.click("thead th:nth-child(3) button"); // self time, as at first
  await page.click(".table input");
  await page.type("x");
  await page.until("location.hash.includes('filter')");
  await page.press("Backspace");
  await page.until(`decodeURIComponent(location.hash) === ${JSON.stringify(usual)}`);
  assert.deepEqual(await firstCells(page), order);
});

test("back goes to the view before, not through the letters of a filter, and forward finds the filter again", async () => {
  const page = await open("sample", { hash: "#view=modules" });
  await page.click("#tab-ops");
  const places = await page.eval("history.length");
  await page.click(".table input");
  await page.type("relu");
  await page.until("location.hash.includes('ops.filter=relu')");
  assert.equal(await page.eval("history.length"), places);
  await page.eval("history.back()");
  await page.until("report.store.state.view === 'modules'");
  await page.eval("history.forward()");
  await page.until("report.store.state.view === 'ops'");
  assert.deepEqual(await firstCells(page), ["aten::relu"]);
  await page.click("thead th:nth-child(2) button");
  await page.eval("history.back()");
  await page.until("!location.hash.includes('sort')");
  assert.deepEqual(await sorted(page), [["self time \u2193", "descending"]]);
  assert.equal(await page.eval("document.querySelector('.table input').value"), "relu");
});

test("a link restores which of several tables is shown", async () => {
  const page = await open("sample", { hash: "#view=ops" });
  await page.click("#table-backward");
  const names = await firstCells(page);
  assert.ok(names.includes("AddmmBackward0"), names.join());
  const again = await open("sample", { hash: await page.eval("location.hash") });
  assert.deepEqual(await firstCells(again), names);
});

test("live memory stays sorted at another instant, and a link restores it", async () => {
  const page = await open("sample", { hash: "#view=memory&step=1&at=1400000" });
  await page.click("thead th:nth-child(2) button");
  await page.press("ArrowRight");
  assert.deepEqual(await sorted(page), [["bytes \u2193", "descending"]]);
  const again = await open("sample", { hash: await page.eval("location.hash") });
  assert.deepEqual(await sorted(again), [["bytes \u2193", "descending"]]);
});

test("a link restores the logged value that the overview shows", async () => {
  const page = await open("kernels");
  await page.eval("document.querySelector('#value').focus()");
  await page.type("a");
  assert.match(await link(page), /&value=accuracy/);
  const drawn = "document.querySelector('#value').closest('.card').querySelector('canvas').ariaLabel";
  const again = await open("kernels", { hash: await page.eval("location.hash") });
  assert.equal(await again.eval(drawn), "accuracy over the steps");
  assert.equal(await again.eval("document.querySelector('#value').value"), "accuracy");
  await page.eval("history.back()");
  await page.until(`${drawn} === "loss over the steps"`);
});

test("a link restores a replay at the op where it was stopped", async () => {
  const page = await open("sample", { hash: "#view=graph&step=1" });
  await page.press("p");
  await page.press(".");
  await page.press(".");
  const now = await textOf(page, "#replayed");
  await page.until("location.hash.includes('at=')");
  const again = await open("sample", { hash: await page.eval("location.hash") });
  assert.equal(await textOf(again, "#replayed"), now);
});

test("a link restores the part of the graph that is seen", async () => {
  const page = await open("sample", { hash: "#view=graph&step=1" });
  const usual = await page.eval("report.canvas().placeOf('model.fc')");
  await page.wheel("canvas", [300, 200], -400);
  await page.drag("canvas", [300, 30], [400, 90]);
  await page.until("location.hash.includes('place=')");
  const place = await page.eval("report.canvas().placeOf('model.fc')");
  assert.ok(Math.hypot(place[0] - usual[0], place[1] - usual[1]) > 100, `${place}`);
  const hash = await page.eval("location.hash");
  await page.press("0");
  await page.until("!location.hash.includes('place=')");
  assert.deepEqual(await page.eval("report.canvas().placeOf('model.fc')"), usual);
  const again = await open("sample", { hash });
  const there = await again.eval("report.canvas().placeOf('model.fc')");
  assert.ok(Math.hypot(there[0] - place[0], there[1] - place[1]) < 2, `${there} ${place}`);
});

test("back goes to where the graph was before a selection that is elsewhere", async () => {
  const page = await open("sample", { hash: "#view=graph&step=1&place=2000+2000+2" });
  const far = await page.eval("report.canvas().placeOf('model.fc')");
  assert.ok(far[0] < 0, `${far}`);
  await page.eval("report.store.select({ kind: 'module', module: report.store.run.moduleIndex.get('model.fc') })");
  await page.settle();
  const near = await page.eval("report.canvas().placeOf('model.fc')");
  assert.ok(near[0] > 0 && near[1] > 0, `${near}`);
  const { hash } = await page.eval("({ hash: location.hash })");
  await page.eval("report.canvas().moveBy(3000, 0)");
  await page.until(`location.hash !== ${JSON.stringify(hash)}`);
  const away = await page.eval("report.canvas().placeOf('model.fc')");
  await page.eval("history.back()");
  await page.until("report.store.state.selection.kind === 'none'");
  await page.settle();
  assert.deepEqual(await page.eval("report.canvas().placeOf('model.fc')"), far);
  await page.eval("history.forward()");
  await page.until("report.store.state.selection.kind === 'module'");
  await page.settle();
  const [x, y] = await page.eval("report.canvas().placeOf('model.fc')");
  assert.ok(Math.hypot(x - away[0], y - away[1]) < 20, `${[x, y]} ${away}`); // that it is out of sight was meant
});

test("a link that says what no page has opens the report as usual", async () => {
  for (const hash of ["#view=toString&step=x&rank=-1&at=NaN&range=5&table=none&place=1+x+2&value=none&memory=x&compare=y",
                      "#view=ops&ops.sort=constructor.desc&table=__proto__", "#view=modules&modules.sort=.asc&modules.sort=desc"]) {
    const page = await open("sample", { hash });
    assert.deepEqual(page.problems, [], hash);
    assert.equal(await page.eval("document.querySelectorAll('nav [aria-current=page]').length"), 1, hash);
    assert.ok(await page.eval("document.querySelector('main').textContent.length") > 20, hash);
  }
});
