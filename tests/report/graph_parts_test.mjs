// The graph's parts that need no page: node graph_parts_test.mjs, with the
// compiler in ESBUILD and the sources in SOURCES.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";

let folder;
const parts = {};
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "torchtape-graph-"));
  for (const path of ["graph/graph_align", "graph/graph_fold", "graph/graph_item", "graph/graph_layout", "graph/graph_merge", "graph/layer_family", "widgets/palettes", "run/step_sets"]) {
    const name = basename(path);
    const file = join(folder, `${name}.mjs`);
    execFileSync(process.env.ESBUILD, [`${process.env.SOURCES}/${path}.ts`, "--bundle", "--format=esm", `--outfile=${file}`],
      { stdio: "ignore" });
    parts[name] = await import(file);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

const letters = (text) => [...text].map((letter) => letter.charCodeAt(0));

test("entries that two lists have in common are partners, in order", () => {
  const { align } = parts.graph_align;
  assert.deepEqual([...align(letters("abcd"), letters("abcd"))], [0, 1, 2, 3]);
  assert.deepEqual([...align(letters("abd"), letters("abcd"))], [0, 1, -1, 2]);
  assert.deepEqual([...align(letters("abcd"), letters("ad"))], [0, 3]);
  assert.deepEqual([...align(letters("axbycz"), letters("qaabbcc"))], [-1, 0, -1, 2, -1, 4, -1]);
  assert.deepEqual([...align([], letters("ab"))], [-1, -1]);
});

test("lists too long for all pairs are still aligned by what is near", () => {
  const { align } = parts.graph_align;
  const known = Array.from({ length: 5000 }, (_, i) => i);
  const fresh = [-1, ...known.filter((i) => i % 2 === 0), -2];
  const partners = [...align(known, fresh)];
  assert.deepEqual(partners.slice(0, 4), [-1, 0, 2, 4]);
  assert.equal(partners.filter((partner) => partner >= 0).length, 2500);
});

test("sets of steps count what is in any of them once", () => {
  const sets = new parts.step_sets.StepSets(5);
  const all = [0, 1, 2, 3, 4].reduce((set, step) => sets.with(set, step), 0);
  const even = [0, 2, 4].reduce((set, step) => sets.with(set, step), 0);
  const odd = [1, 3].reduce((set, step) => sets.with(set, step), 0);
  assert.equal(sets.with(sets.with(0, 1), 3), odd);
  assert.equal(sets.with(odd, 3), odd);
  assert.deepEqual([[all], [even], [odd], [even, odd], [even, sets.with(0, 0)], []].map((each) => sets.count(each)), [5, 3, 2, 5, 3, 0]);
});

test("modules, ops and nodes of one type of layer are one family", () => {
  const { families, familyOf } = parts.layer_family;
  const named = (type) => families[familyOf(type)]?.name;
  for (const type of ["Conv2d", "conv2d", "ConvolutionBackward0", "ConvTranspose1d"]) assert.equal(named(type), "convolution", type);
  for (const type of ["Linear", "addmm", "bmm"]) assert.equal(named(type), "linear, product", type);
  for (const type of ["ReLU", "gelu", "LogSoftmax", "SELU", "GLU"]) assert.equal(named(type), "activation", type);
  assert.equal(named("BatchNorm2d"), "normalization");
  assert.equal(named("CrossEntropyLoss"), "loss");
  assert.equal(named("upsample_bilinear2d"), "pooling, resampling");
  assert.equal(named("MultiheadAttention"), "attention, recurrence");
  for (const type of ["Net", "view", "add"]) assert.equal(named(type), undefined, type);
});

test("a text on any colour of a palette can be read", () => {
  const { palettes, inkOn, rampAt } = parts.palettes;
  const luminance = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  for (const { ramp, kinds } of Object.values(palettes)) {
    for (const colour of [...kinds, ...Array.from({ length: 41 }, (_, i) => rampAt(ramp, i / 40))]) {
      const [light, dark] = [luminance(colour), luminance(inkOn(colour))].sort((a, b) => b - a);
      assert.ok((light + 0.05) / (dark + 0.05) >= 4, `${inkOn(colour)} on ${colour}`);
    }
  }
});

test("ramps begin and end with their own colours and rise in lightness", () => {
  const { palettes, rampAt } = parts.palettes;
  const grey = (colour) => [1, 3, 5].reduce((sum, at, i) => sum + parseInt(colour.slice(at, at + 2), 16) * [0.21, 0.72, 0.07][i], 0);
  for (const { ramp } of Object.values(palettes)) {
    assert.equal(rampAt(ramp, 0), ramp[0]);
    assert.equal(rampAt(ramp, 1), ramp.at(-1));
    for (let i = 1; i <= 20; ++i) assert.ok(grey(rampAt(ramp, i / 20)) > grey(rampAt(ramp, (i - 1) / 20)) - 1, `${ramp} ${i}`);
  }
});

// A net of modules with so many parameters, each with the time of its number.
function netOf(parameters) {
  const { newItem, sumUp } = parts.graph_item;
  const net = newItem("module", "net", "net", null);
  parameters.forEach((count, i) => {
    const child = newItem("module", `net.${i}`, `${i}`, net);
    Object.assign(child, { type: `T${i}`, parameters: count, order: i, shape: i, hasForward: true, forward: { ns: i + 1, flops: 0, bytes: 0 } });
  });
  sumUp(net);
  return net;
}

test("a module below the threshold joins the one before it, the first ones the one after", () => {
  const { mergeSmall } = parts.graph_merge;
  const labels = (parameters, least) => mergeSmall(netOf(parameters), least).map(({ label }) => label);
  assert.deepEqual(labels([1, 100, 2, 3, 100, 4], 10), ["1 and 3 more", "4 and 1 more"]);
  assert.deepEqual(labels([100, 0, 200], 0), ["0", "1", "2"]);
  assert.deepEqual(labels([100, 10, 200], 10), ["0", "1", "2"]);
  assert.deepEqual(labels([1, 2], 10), []);
  const merged = mergeSmall(netOf([1, 100, 2, 3, 100, 4]), 10);
  assert.deepEqual(merged.map(({ parameters, forward }) => [parameters, forward.ns]), [[106, 10], [104, 11]]);
});

test("repeats fold to one item with the sums of all", () => {
  const { foldRepeats } = parts.graph_fold;
  const net = netOf([5, 5, 5, 5, 9]);
  net.children.forEach((child, i) => { child.shape = i < 4 ? 0 : 1; });
  const [fold, last] = foldRepeats(net);
  assert.deepEqual([fold.kind, fold.detail.trim(), fold.parameters, fold.forward.ns, last.label], ["fold", "\u00d74", 20, 10, "4"]);
});

test("what reads stands below what it reads, and closed boxes never overlap", () => {
  const { layoutGraph } = parts.graph_layout;
  const { newItem } = parts.graph_item;
  const root = newItem("group", "", "", null);
  const net = netOf([1, 2, 3, 4, 5, 6, 7]);
  net.parent = root;
  root.children.push(net);
  const edge = (from, to) => ({ from: net.children[from], to: net.children[to], kind: "data" });
  const edges = [edge(0, 1), edge(0, 2), edge(1, 3), edge(2, 3), edge(3, 6)];
  const heights = (item) => [38 + 10 * item.parameters, 38];
  const layout = () => layoutGraph(root, edges, new Set(["net"]), heights);
  const boxes = layout();
  const boxOf = (item) => boxes.find((box) => box.item === item);
  for (const { from, to } of edges) assert.ok(boxOf(from).y + boxOf(from).height < boxOf(to).y);
  const closed = boxes.filter(({ open }) => !open);
  for (const a of closed) for (const b of closed) {
    assert.ok(a === b || a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y);
  }
  assert.deepEqual(layout(), boxes);
});
