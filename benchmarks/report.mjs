// What the report costs, from a log to a frame of its page:
//
//   node benchmarks/report.mjs BUILD_FOLDER WORK_FOLDER RESULT.json
//
// The logs are a real training run long (examples/char_transformer): 200 steps
// are a million events, 2,020 ten million. They are made if WORK_FOLDER does not
// have them. A frame is from one animation frame to the next while each moves
// the view, so it holds all that a browser does for it.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Browser } from "../tests/report/browser.mjs";

const [build, work, result] = process.argv.slice(2);
const source = dirname(dirname(fileURLToPath(import.meta.url)));
const rounds = 3; // what disturbs a machine only adds: the least counts
const framesARound = 60;

function logOf(steps) {
  const log = join(work, `report_${steps}.tape`);
  if (!existsSync(log)) {
    execFileSync(join(build, "examples/char_transformer"), [log, String(steps)],
      { cwd: source, stdio: "ignore", env: { ...process.env, OMP_NUM_THREADS: "1" } });
  }
  return log;
}

// The most memory of a command, in KiB.
const measured = `import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)`;

// Seconds, the most memory in MiB, and the file.
function makeReport(log) {
  const file = log.replace(/tape$/, "html");
  const start = performance.now();
  const { stderr, status } = spawnSync("python3",
    ["-c", measured, join(build, "bin/torchtape"), "report", log, "-o", file], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return { file, seconds: (performance.now() - start) / 1000, mib: Number(stderr.trim().split("\n").at(-1)) / 1024 };
}

// In the page: moves the view in each frame, and tells how long the frames took.
const motion = `async (move) => {
  const frame = () => new Promise(requestAnimationFrame);
  const lasted = [];
  let last = await frame();
  for (let i = 0; i < ${framesARound}; ++i) {
    move(i);
    const now = await frame();
    lasted.push(now - last);
    last = now;
  }
  return lasted.slice(2); // the first ones may still draw the view
}`;

const wheel = (selector, properties) => `(i) => {
  const element = document.querySelector(${JSON.stringify(selector)});
  const { left, top, width, height } = element.getBoundingClientRect();
  element.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true,
    clientX: left + 0.6 * width, clientY: top + 0.5 * height, ...(${properties})(i) }));
}`;
// Twice out and in over the whole range, from the step to some pixels of it.
const zoom = (out) => `(i) => ({ deltaY: (i % ${framesARound / 2} < ${framesARound / 4} ? 1 : -1) * ${out} })`;
const zooming = (canvas) => wheel(canvas, zoom(150));
const panning = (canvas) => wheel(canvas, `(i) => ({ deltaX: 60 + i })`);
const graphPanning = (canvas) => wheel(canvas, `(i) => ({ shiftKey: true, deltaY: i < 30 ? 40 : -40 })`);
const scrolling = `(i) => { document.querySelector(".scroll").scrollTop += i < 30 ? 60 : -60; }`;
const playing = `(i) => { const [from, to] = report.store.run.stepRange(report.store.state.step);
  report.store.state.replaying = true; report.store.play(from + ((to - from) * i) / ${framesARound}); }`;

// View, what moves it, and the keys that make it show the most first.
const motions = [
  ["timeline", "zoom", zooming(".filled > canvas"), ""],
  ["timeline", "zoom of the whole run", zooming(".filled > canvas"), "9"],
  ["timeline", "pan of the whole run", panning(".filled > canvas"), "9ww"],
  ["memory", "zoom", zooming(".filled > canvas"), ""],
  ["memory", "zoom of the whole run", zooming(".filled > canvas"), "9"],
  ["memory", "pan of the whole run", panning(".filled > canvas"), "9ww"],
  ["graph", "zoom", zooming("canvas"), ""],
  ["graph", "pan", graphPanning("canvas"), ""],
  ["timeline", "replay of a step", playing, ""],
  ["memory", "replay of a step", playing, ""],
  ["graph", "replay of a step", playing, ""],
  ["modules", "scroll", scrolling, ""],
  ["ops", "scroll", scrolling, ""],
  ["source", "scroll", scrolling, ""],
];

async function slowestFrame(page, view, keys, move) {
  let least = Infinity;
  for (let round = 0; round < rounds; ++round) {
    await page.eval(`report.store.set({ view: ${JSON.stringify(view)}, range: null, cursor: null, replaying: false })`);
    for (const key of keys) await page.press(key);
    await page.settle();
    const frames = await page.eval(`(${motion})(${move})`);
    least = Math.min(least, Math.round(Math.max(...frames)));
  }
  return least;
}

async function pageRows(name, file) {
  const browser = await Browser.start();
  const rows = [];
  let first = Infinity;
  for (let round = 0; round < rounds; ++round) {
    const page = await browser.open(file);
    first = Math.min(first, await page.eval("Date.now() - performance.timeOrigin"));
    await page.close();
  }
  rows.push([`${name}: first picture`, first / 1000, 3, "s"]);
  const page = await browser.open(file);
  for (const [view, what, move, keys] of motions) {
    rows.push([`${name}: ${view}, ${what}, slowest frame`, await slowestFrame(page, view, keys, move), 50, "ms"]);
  }
  await browser.stop();
  return rows;
}

const million = makeReport(logOf(200));
const many = makeReport(logOf(2020));
const rows = [
  ["10^6 events: file", statSync(million.file).size / 1e6, 6, "MB"],
  ...(await pageRows("10^6 events", million.file)),
  ["10^7 events: report is made in", many.seconds, 20, "s"],
  ["10^7 events: memory of making it", many.mib, 512, "MiB"],
  ["10^7 events: file", statSync(many.file).size / 1e6, 6, "MB"],
  ...(await pageRows("10^7 events", many.file)).slice(0, 4),
];
for (const [name, figure, , unit] of rows) console.log(`  ${name.padEnd(60)} ${figure.toFixed(2)} ${unit}`);
writeFileSync(result, JSON.stringify(rows.map(([name, figure, bar, unit]) => ({ name, figure, bar, unit }))));
