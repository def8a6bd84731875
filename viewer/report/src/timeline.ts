// The timeline: a row for each depth of each thread, a bar for each span. Only
// what can be seen is drawn: where spans are narrower than a pixel, one for each
// pixel.

import { Draw, fitText, hideTip, showTip, smallFont } from "./canvas";
import { shortName } from "./dom";
import { spanFacts } from "./facts";
import { none } from "./run";
import { Store } from "./store";
import { Theme } from "./theme";
import { TimeCanvas } from "./timecanvas";

interface Lane {
  thread: number;
  depth: number;
  y: number;
  spans: number[]; // in the order of time
}

const rowHeight = 18, headHeight = 34, gutter = 92;

export class Timeline extends TimeCanvas {
  private lanes: Lane[] = [];
  private laneThreads: { name: string; y: number; rows: number }[] = [];
  private scroll = 0;
  private contentHeight = 0;

  // `fixed`: in the overview, where the wheel scrolls the page.
  constructor(store: Store, fixed = false) {
    super(fixed ? "timeline of the step" : "timeline", store, fixed);
    this.makeLanes();
  }

  private makeLanes(): void {
    const { spans, facts } = this.store.run;
    const byThread = new Map<number, Lane[]>();
    for (let i = 0; i < spans.count; ++i) {
      let lanes = byThread.get(spans.thread[i]);
      if (!lanes) byThread.set(spans.thread[i], (lanes = []));
      const depth = spans.depth[i];
      while (lanes.length <= depth) {
        lanes.push({ thread: spans.thread[i], depth: lanes.length, y: 0, spans: [] });
      }
      lanes[depth].spans.push(i);
    }
    let y = 0;
    for (const [thread, lanes] of [...byThread].sort((a, b) => a[0] - b[0])) {
      const name = facts.threads.find((each) => each.number === thread)?.name ?? "";
      this.laneThreads.push({ name: `${thread} ${name}`, y, rows: lanes.length });
      for (const lane of lanes) { lane.y = y; y += rowHeight; this.lanes.push(lane); }
      y += 8;
    }
    this.contentHeight = y;
  }

  // The first span of a lane that ends after a time: spans of a lane do not
  // overlap.
  private firstAfter(lane: Lane, at: number): number {
    const { end, start } = this.store.run.spans;
    let low = 0, high = lane.spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const span = lane.spans[middle];
      const stops = Number.isNaN(end[span]) ? start[span] : end[span];
      if (stops < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  colour(span: number, theme: Theme): string {
    const operator = this.store.run.operator(span);
    return theme.kinds[operator.kind === "op" ? operator.class : operator.kind] ?? theme.faint;
  }

  protected draw(context: Draw, theme: Theme): void {
    const { store, axis } = this;
    [axis.from, axis.to] = store.visibleRange();
    [axis.left, axis.right] = [gutter, this.width];
    this.scroll = Math.max(0, Math.min(this.scroll, this.contentHeight + headHeight - this.height));
    this.drawSteps(context, theme);
    context.save();
    context.beginPath();
    context.rect(0, headHeight, this.width, this.height - headHeight);
    context.clip();
    for (const lane of this.lanes) {
      const y = headHeight + lane.y - this.scroll;
      if (y > this.height || y + rowHeight < headHeight) continue;
      this.drawLane(context, theme, lane, y);
    }
    this.drawThreads(context, theme);
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
    const { spans, facts } = this.store.run;
    const { axis, store } = this;
    const { mask } = store;
    const height = rowHeight - 2;
    context.font = smallFont;
    context.textAlign = "left";
    for (let i = this.firstAfter(lane, axis.from); i < lane.spans.length; ) {
      const span = lane.spans[i];
      if (spans.start[span] > axis.to) break;
      const left = Math.max(axis.x(spans.start[span]), axis.left);
      const end = Number.isNaN(spans.end[span]) ? spans.start[span] : spans.end[span];
      const right = Math.min(axis.x(end), axis.right);
      const width = Math.max(right - left, 1);
      const strong = !mask || mask[span] > 0;
      context.globalAlpha = strong ? 1 : 0.22;
      context.fillStyle = this.colour(span, theme);
      context.fillRect(left, y, width > 3 ? width - 0.5 : width, height);
      if (mask?.[span] === 2) {
        context.strokeStyle = theme.text;
        context.lineWidth = 1.5;
        if (width > 2) context.strokeRect(left + 0.75, y + 0.75, width - 1.5, height - 1.5);
        else context.fillRect(left, y - 2, 1, 2);
      }
      ++this.shapes;
      if (width > 24) {
        const label = fitText(context, shortName(facts.operators[spans.name[span]].name), width - 6);
        context.fillStyle = isPale(this.colour(span, theme)) ? "#1b1f24" : "#ffffff";
        if (label) context.fillText(label, left + 3, y + height / 2 + 0.5);
      }
      if (width > 1.01) { ++i; continue; }
      // One for this pixel: the selected one, if there is one.
      const next = this.firstAfter(lane, axis.time(Math.floor(left) + 1));
      if (mask) {
        for (let k = i + 1; k < Math.min(next, i + 64); ++k) {
          if (mask[lane.spans[k]] < 2) continue;
          context.globalAlpha = 1;
          context.fillStyle = this.colour(lane.spans[k], theme);
          context.fillRect(left, y, 1, height);
          break;
        }
      }
      i = Math.max(next, i + 1);
    }
    context.globalAlpha = 1;
    context.lineWidth = 1;
  }

  private drawThreads(context: Draw, theme: Theme): void {
    context.fillStyle = theme.card;
    context.fillRect(0, headHeight, gutter - 1, this.height);
    context.font = smallFont;
    for (const { name, y, rows } of this.laneThreads) {
      const top = headHeight + y - this.scroll;
      context.fillStyle = theme.muted;
      context.fillText(fitText(context, `thread ${name}`, gutter - 10), 4, top + 8);
      context.strokeStyle = theme.line;
      context.beginPath();
      context.moveTo(0, top + rows * rowHeight + 3.5);
      context.lineTo(this.width, top + rows * rowHeight + 3.5);
      context.stroke();
    }
  }

  private spanAt(x: number, y: number): number {
    if (x < gutter || y < headHeight) return none;
    const lane = this.lanes.find((each) => {
      const top = headHeight + each.y - this.scroll;
      return y >= top && y < top + rowHeight;
    });
    if (!lane) return none;
    const at = this.axis.time(x), near = 2 * this.axis.nsPerPixel;
    const { start } = this.store.run.spans;
    const span = lane.spans[this.firstAfter(lane, at - near)] ?? none;
    return span !== none && start[span] <= at + near ? span : none;
  }

  // The middle of a span.
  placeOf(span: number | string): [number, number] | null {
    const { start, end, thread, depth } = this.store.run.spans;
    const i = Number(span);
    const lane = this.lanes.find((each) => each.thread === thread[i] && each.depth === depth[i]);
    if (!lane) return null;
    return [this.axis.x((start[i] + end[i]) / 2), headHeight + lane.y - this.scroll + rowHeight / 2];
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
    const span = this.spanAt(event.offsetX, event.offsetY);
    this.element.style.cursor = span === none ? "default" : "pointer";
    if (span === none) hideTip();
    else showTip(event, spanFacts(this.store.run, span));
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
    if (selection.kind !== "span") return false;
    const { span } = selection;
    const lane = this.lanes.find((each) =>
      each.thread === spans.thread[span] && each.depth === spans.depth[span])!;
    const index = lane.spans.indexOf(span);
    let next: number | undefined = none;
    if (key === "ArrowRight") next = lane.spans[index + 1];
    if (key === "ArrowLeft") next = lane.spans[index - 1];
    if (key === "ArrowUp") next = spans.parent[span];
    if (key === "ArrowDown") next = spans.parent[span + 1] === span ? span + 1 : none;
    if (next === undefined || next === none) return true;
    this.store.select({ kind: "span", span: next }, { range: this.store.state.range });
    this.keepInSight(next);
    return true;
  }

  private keepInSight(span: number): void {
    const { start } = this.store.run.spans;
    const [from, to] = this.store.visibleRange();
    if (start[span] >= from && start[span] <= to) return;
    const half = (to - from) / 2;
    this.zoomTo([start[span] - half, start[span] + half]);
  }

  onKey(event: KeyboardEvent): boolean {
    const { selection } = this.store.state;
    if (event.key === "f" && selection.kind === "span") {
      this.zoomToSpan(selection.span);
      return true;
    }
    return super.onKey(event) || (event.key.startsWith("Arrow") && this.move(event.key));
  }
}

function isPale(colour: string): boolean {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.3 * r + 0.59 * g + 0.11 * b > 135;
}
