// The timeline: a row for each depth of each thread and stream, a bar for each span. Only
// what can be seen is drawn: where spans are narrower than a pixel, one for each
// pixel.

import { Draw, fitText, hideTip, showTip, smallFont } from "../widgets/canvas";
import { Part, criticalPath } from "../run/critical_path";
import { shortName } from "../widgets/dom";
import { Lane, Lanes, firstAfter, rowHeight, spanOf } from "./lanes";
import { entryFacts, partAt, togglePath } from "./path_facts";
import { none } from "../run/run";
import { Store } from "../store";
import { Theme } from "../widgets/theme";
import { TimeCanvas } from "../widgets/timecanvas";
import { time } from "../widgets/units";

const headHeight = 34, gutter = 92;

export class Timeline extends TimeCanvas {
  private lanes: Lanes;
  private scroll = 0;

  // `fixed`: in the overview, where the wheel scrolls the page.
  constructor(store: Store, fixed = false) {
    super(fixed ? "timeline of the step" : "timeline", store, fixed);
    this.lanes = new Lanes(store.run);
  }

  // With all rows in sight.
  get contentHeight(): number {
    return headHeight + this.lanes.height;
  }

  // A step of a device has no colour of its own.
  private colour(span: number, theme: Theme): string {
    if (span === none) return theme.raised;
    const operator = this.store.run.operator(span);
    return theme.kinds[operator.kind === "op" ? operator.class : operator.kind] ?? theme.faint;
  }

  protected draw(context: Draw, theme: Theme): void {
    const { store, axis } = this;
    [axis.from, axis.to] = store.visibleRange();
    [axis.left, axis.right] = [gutter, this.width];
    this.scroll = Math.max(0, Math.min(this.scroll, this.contentHeight - this.height));
    this.drawSteps(context, theme);
    context.save();
    context.beginPath();
    context.rect(0, headHeight, this.width, this.height - headHeight);
    context.clip();
    for (const lane of this.lanes.lanes) {
      const y = headHeight + lane.y - this.scroll;
      if (y > this.height || y + rowHeight < headHeight) continue;
      this.drawLane(context, theme, lane, y);
    }
    this.drawGroups(context, theme);
    if (store.state.selection.kind === "path") this.drawPath(context, theme);
    context.restore();
    this.drawCursor(context, theme, 16);
  }

  private drawSteps(context: Draw, theme: Theme): void {
    const { run, state } = this.store;
    const { axis } = this;
    const { steps } = run.summary;
    for (let i = run.stepAt(axis.from); i < steps.length && steps[i].start_ns < axis.to; ++i) {
      const [from, to] = run.stepRange(i);
      const left = Math.max(axis.x(from), axis.left), right = Math.min(axis.x(to), axis.right);
      context.fillStyle = i === state.step ? theme.accent : theme.raised;
      context.fillRect(left, 0, Math.max(right - left - 1, 1), 16);
      context.fillStyle = i === state.step ? theme.card : theme.muted;
      context.font = smallFont;
      context.textAlign = "left";
      const text = `step ${steps[i].number}` + (run.isKept(i) ? "" : " (events not in this page)");
      const label = fitText(context, text, right - left - 8);
      if (label) context.fillText(label, left + 4, 8.5);
      if (++this.shapes > 2000) break;
    }
    const [zero] = run.stepRange(state.step);
    axis.draw(context, theme, zero, 18, this.height);
  }

  private drawLane(context: Draw, theme: Theme, lane: Lane, y: number): void {
    const { axis } = this;
    const { mask } = this.store;
    context.textAlign = "left";
    for (let i = firstAfter(lane, axis.from); i < lane.entries.length; ) {
      const entry = lane.entries[i];
      if (lane.start[entry] > axis.to) break;
      const left = Math.max(axis.x(lane.start[entry]), axis.left);
      const end = Number.isNaN(lane.end[entry]) ? lane.start[entry] : lane.end[entry];
      const width = Math.max(Math.min(axis.x(end), axis.right) - left, 1);
      this.drawBar(context, theme, lane, entry, left, y, width);
      if (width > 1.01) { ++i; continue; }
      // One for this pixel: the selected one, if there is one.
      const next = firstAfter(lane, axis.time(Math.floor(left) + 1));
      for (let k = i + 1; mask && k < Math.min(next, i + 64); ++k) {
        const span = spanOf(lane, lane.entries[k]);
        if (span === none || mask[span] < 2) continue;
        context.globalAlpha = 1;
        context.fillStyle = this.colour(span, theme);
        context.fillRect(left, y, 1, rowHeight - 2);
        break;
      }
      i = Math.max(next, i + 1);
    }
    context.globalAlpha = 1;
    context.lineWidth = 1;
  }

  private drawBar(
    context: Draw, theme: Theme, lane: Lane, entry: number, left: number, y: number, width: number
  ): void {
    const { mask, run } = this.store;
    const span = spanOf(lane, entry), height = rowHeight - 2;
    const colour = this.colour(span, theme);
    context.globalAlpha = !mask || (span !== none && mask[span] > 0) ? 1 : 0.22;
    context.fillStyle = colour;
    context.fillRect(left, y, width > 3 ? width - 0.5 : width, height);
    if (mask && span !== none && mask[span] === 2) {
      context.strokeStyle = theme.text;
      context.lineWidth = 1.5;
      if (width > 2) context.strokeRect(left + 0.75, y + 0.75, width - 1.5, height - 1.5);
      else context.fillRect(left, y - 2, 1, 2);
    }
    ++this.shapes;
    if (width <= 24) return;
    const name = span === none ? `step ${run.devices.step[entry]}` : shortName(run.operator(span).name);
    const label = fitText(context, name, width - 6);
    context.font = smallFont;
    context.fillStyle = span === none ? theme.muted : isPale(colour) ? "#1b1f24" : "#ffffff";
    if (label) context.fillText(label, left + 3, y + height / 2 + 0.5);
  }

  // The path as a line through its parts; dashed where no op was running.
  private drawPath(context: Draw, theme: Theme): void {
    const { axis } = this;
    const { parts } = criticalPath(this.store.run, this.store.state.step);
    context.save();
    context.beginPath();
    context.rect(gutter, headHeight, this.width, this.height);
    context.clip();
    context.strokeStyle = context.fillStyle = theme.accent;
    context.lineWidth = 2;
    let lastY = NaN;
    parts.forEach((part, index) => {
      if (part.to < axis.from || part.from > axis.to) return;
      const y = this.yOfPart(part.span === none ? parts[index + 1] ?? parts[index - 1] : part);
      if (y === null) return;
      const from = axis.x(part.from), to = axis.x(part.to);
      context.setLineDash(part.span === none ? [3, 3] : []);
      context.beginPath();
      if (Number.isNaN(lastY)) context.moveTo(from, y);
      else context.moveTo(from, lastY);
      context.lineTo(from, y);
      context.lineTo(to, y);
      context.stroke();
      ++this.shapes;
      lastY = y;
    });
    context.restore();
  }

  // Below the bar of a part, where the line runs.
  private yOfPart(part: Part | undefined): number | null {
    if (!part || part.span === none) return null;
    const { spans, devices } = this.store.run;
    const lane = part.device === none ? this.lanes.of(spans.thread[part.span], spans.depth[part.span])
      : this.lanes.ofDevice(devices.stream[part.device], devices.depth[part.device]);
    return lane ? headHeight + lane.y - this.scroll + rowHeight - 2 : null;
  }

  private drawGroups(context: Draw, theme: Theme): void {
    context.fillStyle = theme.card;
    context.fillRect(0, headHeight, gutter - 1, this.height);
    context.font = smallFont;
    for (const { name, errorNs, y, rows } of this.lanes.groups) {
      const top = headHeight + y - this.scroll;
      context.fillStyle = theme.muted;
      context.fillText(fitText(context, name, gutter - 10), 4, top + 8);
      if (errorNs !== null && rows > 1) context.fillText(`\u00b1 ${time(errorNs)}`, 4, top + 8 + rowHeight);
      context.strokeStyle = theme.line;
      context.beginPath();
      context.moveTo(0, top + rows * rowHeight + 3.5);
      context.lineTo(this.width, top + rows * rowHeight + 3.5);
      context.stroke();
    }
  }

  private entryAt(x: number, y: number): { lane: Lane; entry: number } | null {
    if (x < gutter || y < headHeight) return null;
    const lane = this.lanes.at(y - headHeight + this.scroll);
    if (!lane) return null;
    const at = this.axis.time(x), near = 2 * this.axis.nsPerPixel;
    const entry = lane.entries[firstAfter(lane, at - near)];
    return entry !== undefined && lane.start[entry] <= at + near ? { lane, entry } : null;
  }

  private spanAt(x: number, y: number): number {
    const found = this.entryAt(x, y);
    return found ? spanOf(found.lane, found.entry) : none;
  }

  // The middle of a span, or of a time of a device ("device:0").
  placeOf(what: number | string): [number, number] | null {
    const { spans, devices } = this.store.run;
    const device = String(what).startsWith("device:");
    const i = Number(String(what).replace("device:", ""));
    const lane = device ? this.lanes.ofDevice(devices.stream[i], devices.depth[i])
      : this.lanes.of(spans.thread[i], spans.depth[i]);
    if (!lane) return null;
    return [this.axis.x((lane.start[i] + lane.end[i]) / 2), headHeight + lane.y - this.scroll + rowHeight / 2];
  }

  protected clicked(event: MouseEvent): void {
    const { store } = this;
    if (event.offsetY < 16) return store.goToStep(store.run.stepAt(this.axis.time(event.offsetX)));
    const span = this.spanAt(event.offsetX, event.offsetY);
    if (span !== none) store.select({ kind: "span", span }, { range: store.state.range });
    else store.set({ cursor: this.axis.time(event.offsetX) });
  }

  protected clickedTwice(event: MouseEvent): void {
    const span = this.spanAt(event.offsetX, event.offsetY);
    if (span !== none) this.zoomToSpan(span);
  }

  protected scrollBy(pixels: number): void {
    this.scroll += pixels;
  }

  protected hover(event: PointerEvent): void {
    const found = this.entryAt(event.offsetX, event.offsetY);
    const group = event.offsetX < gutter
      ? this.lanes.groups.find(({ y, rows }) => inRows(event.offsetY - headHeight + this.scroll, y, rows)) : undefined;
    this.element.style.cursor = found ? "pointer" : "default";
    if (found) showTip(event, entryFacts(this.store, found.lane, found.entry));
    else if (group) showTip(event, [group.name, ...(group.errorNs === null ? []
      : [`on the host's clock within ${time(group.errorNs)}`])]);
    else hideTip();
  }

  private zoomToSpan(span: number): void {
    const { start, end } = this.store.run.spans;
    const width = Math.max((end[span] || start[span]) - start[span], 100);
    this.zoomTo([start[span] - 0.1 * width, start[span] + 1.1 * width]);
  }

  // The neighbour of a selected span in its row, or around or inside it.
  private move(key: string): boolean {
    const { selection } = this.store.state;
    const { spans } = this.store.run;
    if (selection.kind === "path") return this.movePath(key);
    if (selection.kind !== "span") return this.selectFirst();
    const { span } = selection;
    const lane = this.lanes.of(spans.thread[span], spans.depth[span])!;
    const index = lane.entries.indexOf(span);
    let next: number | undefined = none;
    if (key === "ArrowRight") next = lane.entries[index + 1];
    if (key === "ArrowLeft") next = lane.entries[index - 1];
    if (key === "ArrowUp") next = spans.parent[span];
    if (key === "ArrowDown") next = spans.parent[span + 1] === span ? span + 1 : none;
    if (next === undefined || next === none) return true;
    this.store.select({ kind: "span", span: next }, { range: this.store.state.range });
    this.keepInSight(spans.start[next]);
    return true;
  }

  // Where the keys begin: the first outermost span in sight.
  private selectFirst(): boolean {
    const lane = this.lanes.lanes.find(({ thread, depth }) => thread !== none && depth === 0);
    const span = lane?.entries[firstAfter(lane, this.store.visibleRange()[0])];
    if (span === undefined) return false;
    this.store.select({ kind: "span", span }, { range: this.store.state.range });
    return true;
  }

  // The cursor to the part of the path before or after.
  private movePath(key: string): boolean {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return false;
    const { run, state } = this.store;
    const { parts } = criticalPath(run, state.step);
    const at = partAt(run, state.step, state.cursor ?? -Infinity);
    const next = parts[key === "ArrowRight" ? at + 1 : at - 1];
    if (!next) return true;
    this.store.set({ cursor: next.from }, false);
    this.keepInSight(next.from);
    return true;
  }

  private keepInSight(at: number): void {
    const [from, to] = this.store.visibleRange();
    if (at >= from && at <= to) return;
    const half = (to - from) / 2;
    this.zoomTo([at - half, at + half]);
  }

  onKey(event: KeyboardEvent): boolean {
    const { selection } = this.store.state;
    if (event.key === "f" && selection.kind === "span") {
      this.zoomToSpan(selection.span);
      return true;
    }
    if (event.key === "c") {
      togglePath(this.store);
      return true;
    }
    return super.onKey(event) || (event.key.startsWith("Arrow") && this.move(event.key));
  }
}

function inRows(y: number, top: number, rows: number): boolean {
  return y >= top && y < top + rows * rowHeight;
}

function isPale(colour: string): boolean {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.3 * r + 0.59 * g + 0.11 * b > 135;
}
