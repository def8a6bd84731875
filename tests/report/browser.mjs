// A real Chromium without a window, driven over a pipe by the DevTools
// protocol: node and chromium of the system are all that it takes.
//
//   const browser = await Browser.start();
//   const page = await browser.open("/tmp/run.html", { width: 1280, height: 800 });
//   await page.click("#tab-timeline");
//   await browser.stop();

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const flags = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic",
  "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-extensions", "--hide-scrollbars", "--force-device-scale-factor=1"];

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.folder = mkdtempSync(join(tmpdir(), "torchtape-report-"));
    browser.process = spawn(process.env.CHROMIUM ?? "chromium",
      [...flags, `--user-data-dir=${browser.folder}`, "about:blank"],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.waiting = new Map();
    browser.listeners = [];
    browser.next = 0;
    let rest = "";
    browser.process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const message of messages) browser.receive(JSON.parse(message));
    });
    browser.gone = new Promise((resolve) => browser.process.on("close", resolve));
    browser.process.on("close", () => {
      for (const { reject } of browser.waiting.values()) reject(new Error("chromium ended"));
    });
    return browser;
  }

  receive({ id, result, error, method, params, sessionId }) {
    if (id === undefined) return this.listeners.forEach((tell) => tell(method, params, sessionId));
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.next;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // Opens a file in a tab that has no network, and waits until the report is
  // there. `script` runs in the page before anything of its own.
  async open(path, { width = 1280, height = 800, dark = false, hash = "", script = "" } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    page.close = () => this.send("Target.closeTarget", { targetId });
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Network.emulateNetworkConditions",
      { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 });
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await page.send("Emulation.setEmulatedMedia",
      { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    if (script) await page.send("Page.addScriptToEvaluateOnNewDocument", { source: script });
    await page.send("Page.navigate", { url: pathToFileURL(path).href + hash });
    await page.until("window.report !== undefined");
    await page.settle();
    return page;
  }

  async stop() {
    await this.send("Browser.close").catch(() => {});
    await this.gone;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  requests = [];
  problems = []; // exceptions, console errors, what the security policy refused

  constructor(browser, sessionId) {
    this.browser = browser;
    this.sessionId = sessionId;
    browser.listeners.push((method, params, session) => {
      if (session !== sessionId) return;
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
      if (method === "Runtime.exceptionThrown") {
        this.problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      }
      if (method === "Runtime.consoleAPICalled" && params.type === "error") {
        this.problems.push(params.args.map((each) => each.value ?? each.description).join(" "));
      }
      if (method === "Log.entryAdded" && params.entry.level === "error") this.problems.push(params.entry.text);
    });
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  // The value of an expression in the page.
  async eval(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async until(expression, seconds = 120) {
    const end = Date.now() + 1000 * seconds;
    while (!(await this.eval(expression).catch(() => false))) {
      if (Date.now() > end) throw new Error(`it never came true: ${expression}\n${this.problems.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  // Two frames: everything that was asked for is drawn.
  settle() {
    return this.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
  }

  // Where something is: the middle of an element, or a point of it.
  async at(selector, [x, y] = [0.5, 0.5]) {
    const box = await this.eval(`(() => { const element = document.querySelector(${JSON.stringify(selector)});
      element?.scrollIntoView({ block: "nearest" });
      const { left, top, width, height } = element.getBoundingClientRect(); return { left, top, width, height }; })()`);
    return { x: box.left + (x <= 1 ? x * box.width : x), y: box.top + (y <= 1 ? y * box.height : y) };
  }

  // `times`: at one place of the screen, whatever the first click has done.
  async click(selector, point, times = 1) {
    const where = await this.at(selector, point);
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...where });
    for (let clickCount = 1; clickCount <= times; ++clickCount) {
      for (const type of ["mousePressed", "mouseReleased"]) {
        await this.send("Input.dispatchMouseEvent", { type, button: "left", buttons: 1, clickCount, ...where });
      }
      await this.settle();
    }
  }

  async hover(selector, point) {
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...(await this.at(selector, point)) });
    await this.settle();
  }

  // With the button down from one point of an element to another.
  async drag(selector, from, to, { shift = false } = {}) {
    const modifiers = shift ? 8 : 0;
    const [begin, end] = [await this.at(selector, from), await this.at(selector, to)];
    const send = (type, where, buttons) => this.send("Input.dispatchMouseEvent",
      { type, button: "left", buttons, modifiers, clickCount: 1, ...where });
    await send("mousePressed", begin, 1);
    for (const part of [0.5, 1]) {
      await send("mouseMoved", { x: begin.x + part * (end.x - begin.x), y: begin.y + part * (end.y - begin.y) }, 1);
    }
    await send("mouseReleased", end, 0);
    await this.settle();
  }

  async wheel(selector, point, deltaY) {
    const where = await this.at(selector, point);
    await this.send("Input.dispatchMouseEvent", { type: "mouseWheel", deltaX: 0, deltaY, ...where });
    await this.settle();
  }

  async type(text) {
    for (const character of text) await this.send("Input.dispatchKeyEvent", { type: "char", text: character });
    await this.settle();
  }

  async press(key) {
    const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    // By which a browser knows the keys that do something by themselves.
    const windowsVirtualKeyCode = { Backspace: 8, Tab: 9, Enter: 13, Escape: 27, " ": 32 }[key];
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, text, windowsVirtualKeyCode });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, windowsVirtualKeyCode });
    await this.settle();
  }

  async screenshot(path) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    writeFileSync(path, Buffer.from(data, "base64"));
  }
}
