// The report without a mouse, and for eyes that see little: node
// keyboard_test.mjs FOLDER.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, panelTitle, textOf, useReports, views } from "./pages.mjs";

useReports("sample", "paths");

const focused = `(() => { const element = document.activeElement, style = getComputedStyle(element);
  return { tag: element.tagName, name: element.getAttribute("aria-label") || element.textContent.trim() || element.title,
           again: visited.size === visited.add(element).size, seen: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2 }; })()`;

// What Tab reaches, in order, until it begins again.
async function reached(page) {
  await page.eval("document.activeElement.blur(); window.visited = new Set(); 0");
  const all = [];
  for (let i = 0; i < 200; ++i) {
    await page.press("Tab");
    const now = await page.eval(focused);
    if (now.tag === "BODY") continue; // from the last one to the first
    if (now.again) break;
    all.push(now);
  }
  return all;
}

test("Tab reaches every control of every view, each has a name, and one sees where it is", async () => {
  const page = await open("sample", { hash: "#view=overview&step=1&select=module%3Amodel.fc" });
  for (const [index, view] of views.entries()) {
    await page.press(String(index + 1));
    assert.equal(await page.eval("report.store.state.view"), view);
    const controls = await page.eval(`[...document.querySelectorAll("button, input, select, canvas, tbody tr[tabindex]")]
      .filter((each) => each.offsetParent && !each.disabled && each.tabIndex >= 0).length`);
    const order = await reached(page);
    assert.equal(order.length, controls, view);
    assert.deepEqual(order.filter(({ seen, name }) => !seen || !name), [], view);
    await page.eval("document.activeElement.blur()");
  }
});

test("buttons answer Enter and Space, also while a step is replayed", async () => {
  const page = await open("sample", { hash: "#view=overview&step=1" });
  await page.eval("document.querySelector('#tab-memory').focus()");
  await page.press("Enter");
  assert.equal(await page.eval("report.store.state.view"), "memory");
  await page.press("p");
  await page.eval("document.querySelector('#tab-ops').focus()");
  await page.press(" ");
  assert.equal(await page.eval("report.store.state.view"), "ops");
});

test("in the timeline the arrows begin at the first span and go on from it", async () => {
  const page = await open("sample", { hash: "#view=timeline&step=1" });
  await page.press("ArrowDown");
  assert.equal(await panelTitle(page), "batch");
  await page.press("ArrowDown");
  assert.equal(await panelTitle(page), "aten::linear");
  await page.press("ArrowRight");
  assert.equal(await panelTitle(page), "aten::relu");
  await page.press("f");
  assert.ok(await page.eval("report.store.state.range !== null"));
  await page.press("0");
  await page.press("Escape");
  assert.equal(await panelTitle(page), undefined);
});

test("in a table the arrows go from row to row and Enter selects", async () => {
  const page = await open("sample", { hash: "#view=ops" });
  await page.eval("document.querySelector('tbody tr').focus()");
  await page.press("ArrowDown");
  await page.press("Enter");
  assert.equal(await panelTitle(page), "aten::addmm");
});

test("in the memory chart the arrows go to the next change", async () => {
  const page = await open("sample", { hash: "#view=memory&step=1" });
  await page.press("ArrowRight");
  assert.match(await textOf(page, "#live"), /^1000 B live at 45\.0 us/);
  await page.press("ArrowRight");
  assert.match(await textOf(page, "#live"), /^1\.5 KiB live at 305\.0 us/);
});

test("Escape leaves a field, so that keys are keys again", async () => {
  const page = await open("sample", { hash: "#view=ops" });
  await page.eval("document.querySelector('.table input').focus()");
  await page.type("3");
  assert.equal(await page.eval("report.store.state.view"), "ops");
  await page.press("Escape");
  await page.press("3");
  assert.equal(await page.eval("report.store.state.view"), "timeline");
});

test("what is selected is told to those who do not see", async () => {
  const page = await open("paths", { hash: "#view=timeline&step=0&select=path" });
  assert.equal(await page.eval("document.querySelector('.panel').getAttribute('aria-live')"), "polite");
});

test("text stands out from its ground, light and dark", async () => {
  for (const dark of [false, true]) {
    const page = await open("sample", { dark });
    const ratios = await page.eval(`(() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue("--" + name).trim();
        const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
          .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const pairs = ["text", "muted", "accent"].flatMap((ink) => ["card", "page", "raised", "select"].map((ground) => [ink, ground]))
        .concat([["text", "warn"]]);
      return pairs.map(([ink, ground]) => {
        const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
        return [ink, ground, (a + 0.05) / (b + 0.05)];
      });
    })()`);
    // WCAG 2.2, 1.4.3.
    assert.deepEqual(ratios.filter(([, , ratio]) => !(ratio >= 4.5)), [], dark ? "dark" : "light");
  }
});

test("search finds types of numbers", async () => {
  const page = await open("sample");
  await page.press("/");
  await page.type("float32");
  await page.press("Enter");
  assert.match(await panelTitle(page), /float32/);
});

test("what was chosen by a key keeps the focus, so that Tab goes on from there", async () => {
  const page = await open("sample");
  const focused = () => page.eval("document.activeElement.closest('.shares, thead, .panel')?.className || document.activeElement.tagName");
  await page.eval("document.querySelector('.shares button:not(:disabled)').focus()");
  await page.press("Enter");
  assert.equal(await focused(), "shares");
  assert.notEqual(await panelTitle(page), undefined);
  await page.eval("document.querySelector('.panel .link').focus()");
  await page.press("Enter");
  assert.equal(await focused(), "panel");
  await page.click("#tab-ops");
  await page.eval("document.querySelectorAll('thead button')[1].focus()");
  await page.press("Enter");
  assert.equal(await page.eval("[...document.querySelectorAll('thead button')].indexOf(document.activeElement)"), 1);
});

test("a link restores by what live memory is told apart", async () => {
  const page = await open("sample", { hash: "#view=memory&step=1" });
  await page.click(".choice button:nth-child(2)");
  const again = await open("sample", { hash: await page.eval("location.hash") });
  assert.equal(await again.eval("report.canvas().groupedBy"), "maker");
  assert.equal(await textOf(again, ".choice button[aria-pressed=true]"), "by op");
});
