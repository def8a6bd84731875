// Reports of the logs that make_logs has written, opened in a browser: what all
// tests of pages begin with. node TEST.mjs FOLDER, where the logs are.

import { execFileSync } from "node:child_process";
import { after, afterEach, before } from "node:test";
import { Browser } from "./browser.mjs";

export const folder = process.argv[2];
export const tool = process.env.TORCHTAPE_TOOL;
export const views = ["overview", "graph", "timeline", "memory", "modules", "ops", "source"];

let browser;
const pages = [];

// Makes the reports before the tests of a file, and ends its browser after them.
export function useReports(...names) {
  before(async () => {
    for (const name of names) {
      execFileSync(tool, ["report", `${folder}/${name}.tape`, "-o", `${folder}/${name}.html`], { stdio: "ignore" });
    }
    browser = await Browser.start();
  });
  afterEach(async () => { for (const page of pages.splice(0)) await page.close(); });
  after(() => browser?.stop());
}

export async function open(name, options) {
  pages.push(await browser.open(`${folder}/${name}.html`, options));
  return pages.at(-1);
}

// One report of several logs.
export function makeReport(name, ...logs) {
  execFileSync(tool, ["report", ...logs, "-o", `${folder}/${name}.html`], { stdio: "ignore" });
}

export function summaryOf(name, by = "source") {
  const output = execFileSync(tool, ["summary", "--json", `--by=${by}`, `${folder}/${name}.tape`],
    { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(output);
}

export const panelTitle = (page) => page.eval("document.querySelector('.panel:not([hidden]) h2')?.textContent");
export const textOf = (page, selector) => page.eval(`document.querySelector(${JSON.stringify(selector)}).textContent`);

// The table that is shown, as "Copy CSV" gives it: rows by column.
export async function copiedTable(page) {
  await page.eval("document.addEventListener('copy', () => { window.copied = document.activeElement.value; }, { once: true })");
  await page.click(".table .bar button");
  const [head, ...rows] = (await page.eval("window.copied")).trim().split("\n")
    .map((line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((match) => match[1]).slice(0, line.split(",").length));
  return rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
}

// Clicks a row by the text of its first cell.
export async function clickRow(page, text) {
  await page.eval(`[...document.querySelectorAll("tbody tr")].find((row) =>
    row.cells[0].querySelector(".name")?.textContent === ${JSON.stringify(text)}).id = "wanted"`);
  await page.click("#wanted", [60, 0.5]);
}
