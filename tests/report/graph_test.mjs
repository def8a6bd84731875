// What the graph of the report promises, in a browser: node graph_test.mjs
// FOLDER, where make_logs has put the logs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, afterEach, before, test } from "node:test";
import { Browser } from "./browser.mjs";

const folder = process.argv[2];
const tool = process.env.TORCHTAPE_TOOL;
let browser;

const pathOf = (name) => `${folder}/graph_${name}.html`;
before(async () => {
  for (const name of ["sample", "branches", "adding", "repeating", "threw"]) {
    execFileSync(tool, ["report", `${folder}/${name}.tape`, "-o", pathOf(name)], { stdio: "ignore" });
  }
  browser = await Browser.start();
});
after(() => browser?.stop());

const pages = [];
const open = async (name, hash, options = {}) => {
  pages.push(await browser.open(pathOf(name), { hash: `#view=graph${hash}`, ...options }));
  return pages.at(-1);
};
afterEach(async () => {
  for (const page of pages.splice(0)) {
    assert.deepEqual(page.problems, []);
    await page.close();
  }
});

function summaryOf(name, ...options) {
  const output = execFileSync(tool, ["summary", "--json", ...options, `${folder}/${name}.tape`],
    { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(output);
}

const textOf = (page, selector) => page.eval(`document.querySelector(${JSON.stringify(selector)}).textContent`);
const choose = async (page, name, value) => {
  await page.eval(`(() => { const element = document.querySelector("[aria-label='${name}']:is(select, input)");
    element.value = ${JSON.stringify(value)}; element.dispatchEvent(new Event("change")); })()`);
  await page.settle();
};
// What is drawn: of each box its item, without what is around it.
const boxesOf = (page) => page.eval(`report.canvas().boxes.map(({ item, open, sides }) => {
  const { key, label, detail, kind, parameters, forward, backward, threw } = item;
  return { key, label, detail, kind, parameters, forward, backward, threw, open, sides,
           parent: item.parent.key, often: report.canvas().lookNow(report.canvas().look.theme).often(item) }; })`);
const boxOf = async (page, key) => (await boxesOf(page)).find((box) => box.key === key);
const edgesOf = (page) => page.eval(`report.canvas().edges.map(({ from, to, kind, sets }) => ({ from: from.key, to: to.key, kind,
  steps: sets && report.canvas().model.source.ran.sets.count(sets) }))`);
const paintOf = (page, key, side) => page.eval(`(() => { const canvas = report.canvas();
  return canvas.colours(canvas.look.theme).of(canvas.boxes.find(({ item }) => item.key === ${JSON.stringify(key)}).item, ${side}); })()`);
async function tipOf(page, key) {
  await page.hover("canvas", await page.eval(`report.canvas().placeOf(${JSON.stringify(key)})`));
  await page.until("document.querySelector('.tip') !== null", 20);
  return page.eval("[...document.querySelector('.tip').children].map((line) => line.textContent)");
}

test("colours tell kind, layer type and each amount, and the legend says what they mean", async () => {
  const page = await open("branches", "&step=1");
  const legends = { kind: /backward node.*module, group/, type: /linear, product.*normalization/,
    time: /^time {2}0.* 70\.0 us/, memory: /^memory {2}0.* 400 B/, parameters: /^parameters {2}0.* 300/, flops: /^FLOPs {2}0.*FLOP/ };
  for (const [colour, legend] of Object.entries(legends)) {
    await choose(page, "colour", colour);
    assert.match(await textOf(page, ".legend"), legend, colour);
  }
  await choose(page, "colour", "parameters");
  const paints = [];
  for (const name of ["first", "maybe", "last"]) paints.push((await paintOf(page, `net.${name}`, 0)).fill);
  assert.equal(new Set(paints).size, 3);
  assert.equal(paints[2], "#440154"); // the dark end of viridis: the most
  assert.equal((await paintOf(page, "net.last", 1)).fill, null);
});

test("each palette has its own colours, and text on them can be read", async () => {
  const page = await open("branches", "&step=1&colour=time");
  const luminance = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const fills = new Set();
  for (const palette of ["okabe", "tol", "tableau", "greys"]) {
    await choose(page, "palette", palette);
    for (const side of [0, 1]) {
      const { fill, ink } = await paintOf(page, "net.first", side);
      fills.add(fill);
      const [light, dark] = [luminance(fill), luminance(ink)].sort((a, b) => b - a);
      assert.ok((light + 0.05) / (dark + 0.05) >= 4, `${palette} ${fill} ${ink}`);
    }
  }
  assert.equal(fills.size, 8);
});

test("the height of boxes is their share of all there is", async () => {
  const page = await open("branches", "&step=1&size=parameters");
  const heights = {};
  for (const name of ["first", "maybe", "last"]) heights[name] = (await boxOf(page, `net.${name}`)).sides[0];
  const extra = (name) => heights[name] - 38;
  assert.ok(Math.abs(extra("last") / extra("first") - 300 / 20) < 1e-9);
  assert.ok(Math.abs(extra("last") - (240 * 300) / 326) < 1e-9, JSON.stringify(heights));
  await choose(page, "size", "same");
  assert.equal((await boxOf(page, "net.last")).sides[0], 38);
});

test("boxes are labelled by layer type where that is chosen", async () => {
  const page = await open("branches", "&step=1");
  const shown = () => page.eval(`(() => { const texts = []; const canvas = report.canvas();
    const context = canvas.element.getContext("2d"); const fill = context.fillText;
    context.fillText = (text, ...rest) => { texts.push(text); fill.call(context, text, ...rest); };
    canvas.paint(); delete context.fillText; return texts; })()`);
  assert.ok((await shown()).includes("\u25b8 maybe"));
  await choose(page, "label", "type");
  assert.ok((await shown()).includes("\u25b8 LayerNorm"));
});

test("a link restores every choice; the keyboard makes them", async () => {
  const page = await open("branches", "&step=1");
  await page.eval("document.querySelector('select[aria-label=colour]').focus()");
  await page.type("mem");
  await page.eval("document.activeElement.blur()");
  for (const [name, value] of [["show", "2"], ["size", "time"], ["label", "type"], ["palette", "tol"], ["merge below", "7"]]) {
    await choose(page, name, value);
  }
  await page.press("u");
  const link = await page.eval("location.hash");
  const again = await open("branches", link.replace("#view=graph", ""));
  assert.deepEqual(await again.eval("report.store.state.graph"),
    { level: 2, colour: "memory", size: "time", label: "type", palette: "tol", merge: 7, all: true, open: null });
  const wrong = await open("branches", "&colour=x&palette=__proto__&level=9&merge=-1&size=kind");
  assert.deepEqual(await wrong.eval("report.store.state.graph"),
    { level: 1, colour: "kind", size: "same", label: "name", palette: "okabe", merge: 0, all: false, open: null });
});

test("small modules are merged into the one before them, or the one around; totals stay", async () => {
  const page = await open("branches", "&step=1");
  const sums = async () => {
    const closed = (await boxesOf(page)).filter((box) => !box.open);
    const sum = (of) => closed.reduce((total, box) => total + of(box), 0);
    return [sum((box) => box.forward.ns), sum((box) => box.backward.ns), sum((box) => box.forward.bytes), sum((box) => box.parameters)];
  };
  const whole = await sums();
  assert.deepEqual(whole, [150000, 210000, 1200, 326]);
  await choose(page, "merge below", "7");
  const merged = (await boxesOf(page)).find(({ kind }) => kind === "merged");
  assert.deepEqual([merged.label, merged.detail, merged.parameters, merged.forward.ns], ["first and 1 more", "Linear + LayerNorm", 26, 100000]);
  assert.deepEqual(await sums(), whole);
  assert.deepEqual((await edgesOf(page)).filter(({ kind }) => kind === "data").map(({ from, to }) => [from, to]), [[merged.key, "net.last"]]);
  await page.click("canvas", await page.eval(`report.canvas().placeOf(${JSON.stringify(merged.key)})`));
  assert.ok(await boxOf(page, "net.maybe"));
  await choose(page, "merge below", "1000");
  assert.deepEqual((await boxesOf(page)).map(({ key }) => key), ["net"]);
  assert.deepEqual(await sums(), whole);
});

test("all steps in one graph say in how many each box and edge ran", async () => {
  const page = await open("branches", "&step=1");
  await page.click("#all-steps");
  assert.match(await textOf(page, ".notice"), /^4 steps in one/);
  const often = async (name) => (await boxOf(page, `net.${name}`)).often;
  assert.deepEqual([await often("first"), await often("maybe"), await often("last")], ["", "2/4", ""]);
  const steps = Object.fromEntries((await edgesOf(page)).filter(({ kind }) => kind === "data")
    .map(({ from, to, steps: ran }) => [`${from} ${to}`, ran]));
  assert.deepEqual(steps, { "net.first net.maybe": 2, "net.first net.last": 2, "net.maybe net.last": 2 });
  const modules = summaryOf("branches").modules;
  for (const { path, ops_forward_ns, ops_backward_ns } of modules) {
    const { forward, backward } = await boxOf(page, path);
    assert.deepEqual([forward.ns, backward.ns], [ops_forward_ns, ops_backward_ns], path);
  }
  await page.press("u");
  assert.equal(await boxOf(page, "net").then((box) => box.often), "");
  assert.equal(await page.eval("report.canvas().model.source.ran"), null);
});

test("a module of which nothing is shown at a level stands for what it does", async () => {
  const page = await open("adding", "&level=3&all=true");
  assert.equal((await boxOf(page, "net.maybe")).often, "");
  const data = (await edgesOf(page)).filter(({ kind }) => kind === "data").map(({ from, to }) => `${from} ${to}`);
  assert.deepEqual(data.sort(), ["net.first net.maybe", "net.maybe net.last"]);
  await page.press("u");
  await page.eval("report.store.set({ replaying: true, cursor: report.store.run.stepRange(1)[0] + 140000 })");
  await page.settle();
  assert.equal(await page.eval("report.canvas().stateOf('net.maybe', false)"), 2);
});

test("boxes have the numbers of summary --step", async () => {
  for (const name of ["branches", "sample"]) {
    for (const step of [1, 2]) {
      const page = await open(name, `&step=${step}`);
      for (const { path, ops_forward_ns, ops_backward_ns, parameters, work } of summaryOf(name, "--step", String(step)).modules) {
        const box = await boxOf(page, path);
        if (!box) { assert.equal(ops_forward_ns + ops_backward_ns, 0, path); continue; }
        assert.deepEqual([box.forward.ns, box.backward.ns, box.parameters], [ops_forward_ns, ops_backward_ns, parameters], path);
        const flops = (side) => (work ? work[side].matrix_flops + work[side].arithmetic_flops : 0);
        assert.deepEqual([box.forward.flops, box.backward.flops], [flops("forward"), flops("backward")], path);
      }
    }
  }
});

test("a forward pass that threw is drawn as far as it went, and says so", async () => {
  const page = await open("threw", "&step=1");
  assert.equal(await textOf(page, ".notice"), "addmm in net.first threw at 50.0 us of step 1: " +
    "this forward pass is drawn as far as it went. Not reached: net.maybe, net.last.");
  const boxes = await boxesOf(page);
  assert.deepEqual(boxes.map(({ key, threw }) => [key, threw]), [["net", true], ["net.first", true]]);
  assert.ok((await tipOf(page, "net.first")).includes("threw"));
  const whole = await open("threw", "&step=0");
  assert.equal(await whole.eval("document.querySelector('.notice')"), null);
  assert.ok(!(await boxesOf(whole)).some(({ threw }) => threw));
});

test("the tip of a module has all that is known of it", async () => {
  const page = await open("branches", "&step=1");
  const lines = await tipOf(page, "net.last");
  assert.deepEqual(lines, ["net.last", "Linear", "forward 50.0 us, backward 70.0 us, 12 % of the step",
    "computes forward 1.2 kFLOP, backward 0 FLOP", "allocates forward 400 B, backward 0 B", "reads float32[2, 5]",
    "gives float32[2, 5]", "in all: 4 calls, forward 360.0 us, backward 280.0 us", "300 parameters, 1.2 KiB",
    "saves 400 B for backward, peak 1.6 KiB"]);
  const last = summaryOf("branches").modules.find(({ path }) => path === "net.last");
  assert.deepEqual([last.calls, last.forward_ns, last.backward_ns, last.parameters, last.bytes, last.saved_bytes, last.peak_bytes],
    [4, 360000, 280000, 300, 1200, 400, 1600]);
});

test("a module that is called again is there again, and its calls add up to it", async () => {
  const page = await open("repeating", "&step=0");
  const keys = (await boxesOf(page)).map(({ key }) => key);
  assert.deepEqual(keys, ["net", "net.maybe", "net.last", "net.maybe#2", "net.first*1"]);
  const data = (await edgesOf(page)).filter(({ kind }) => kind === "data").map(({ from, to }) => [from, to]);
  assert.deepEqual(data, keys.slice(1, 4).map((key, i) => [key, keys[i + 2]]));
  const { ops_forward_ns } = summaryOf("repeating").modules.find(({ path }) => path === "net.maybe");
  assert.equal((await boxOf(page, "net.maybe")).forward.ns + (await boxOf(page, "net.maybe#2")).forward.ns, ops_forward_ns);
});

test("by keys alone one goes from box to box, opens and closes, a fold of repeats too", async () => {
  const page = await open("repeating", "&step=0");
  const focus = () => page.eval("report.canvas().focus");
  const path = [];
  for (let i = 0; i < 5; ++i) {
    await page.press("ArrowDown");
    path.push(await focus());
  }
  assert.deepEqual(path, ["net", "net.maybe", "net.last", "net.maybe#2", "net.first*1"]);
  assert.equal(await textOf(page, ".panel h2"), "net.maybe");
  await page.press("Enter");
  assert.ok(await boxOf(page, "net.first#4"));
  await page.press("Enter");
  assert.equal(await boxOf(page, "net.first#4"), undefined);
});

test("a link restores which groups are open", async () => {
  const page = await open("branches", "&step=1");
  const click = async (key, left = 28) => {
    const [x, y] = await page.eval(`report.canvas().placeOf(${JSON.stringify(key)})`);
    await page.click("canvas", [x - left, y]);
  };
  await click("net.last");
  const link = () => page.eval("location.hash.replace('#view=graph', '')");
  const both = await link();
  await click("net", 8);
  const none = await link();
  const opened = (await boxesOf(await open("branches", both))).filter((box) => box.open);
  assert.deepEqual(opened.map(({ key }) => key), ["net", "net.last"]);
  assert.deepEqual((await boxesOf(await open("branches", none))).map((box) => [box.key, box.open]), [["net", false]]);
});

test("the panel that the first click of two opens over a node takes not the second one, and makes way", async () => {
  const page = await open("sample", "&step=1&place=-560+60+1");
  const at = await page.eval("report.canvas().placeOf('model.fc')");
  const { left } = await page.eval("document.querySelector('canvas').getBoundingClientRect().toJSON()");
  assert.ok(left + at[0] > 1280 - 292 && left + at[0] < 1260, `${at}`);
  await page.click("canvas", at, 2);
  assert.equal(await textOf(page, ".panel h2"), "model.fc"); // and nothing that is in the panel
  assert.ok(await page.eval("report.canvas().shownKeys.includes('model.fc/0')"), "it is open");
  const [x] = await page.eval("report.canvas().placeOf('model.fc')");
  assert.ok(x > 0 && x + 300 < await page.eval("document.querySelector('canvas').clientWidth"), `${x}`);
  assert.equal(await page.eval("getSelection().toString()"), "");
});
