// The timeline: a row for each depth of each thread and stream, a bar for each span. Only
// what can be seen is drawn: where spans are narrower than a pixel, one for each
// pixel.

import { Draw, fitText, hideTip, showTip, smallFont } from "../widgets/canvas";
import { Band, bandAt, bandsOf, headingHeight, laneAt } from "./bands";
import { BandPainter, barHeight } from "./band_painter";
import { Part, criticalPath } from "../run/critical_path";
import { Lane, Lanes, firstAfter, rowHeight, spanOf } from "./lanes";
import { entryFacts, partAt, togglePath } from "./path_facts";
import { none } from "../run/run";
import { Store } from "../store";
import { Theme } from "../widgets/theme";
import { TimeCanvas } from "../widgets/timecanvas";
import { time } from "../widgets/units";

const headHeight = 34, gutter = 92, mostSteps = 2000;

export class Timeline extends TimeCanvas {
  private bands: Band[];
  private painter: BandPainter;
  private scroll = 0;
  private hit = none; // the span that was clicked last

  // `fixed`: in the overview, where the wheel scrolls the page.
  constructor(store: Store, fixed = false) {
    super(fixed ? "timeline of the step" : "timeline", store, fixed);
    this.bands = bandsOf(store.ranks, store.state.rank);
    if (fixed) this.bands = [{ ...this.band, top: 0, rowsTop: 0, height: this.band.lanes.height }];
    this.painter = new BandPainter((rank) => store.maskOf(rank));
  }

  // Of the rank that is looked at.
  private get band(): Band {
    return this.bands.find(({ open }) => open)!;
  }

  private get lanes(): Lanes {
    return this.band.lanes;
  }

  // Where a row begins that is `y` below the first one of a band.
  private yOf(band: Band, y: number): number {
    return headHeight + band.rowsTop + y * band.scale - this.scroll;
  }

  // With all rows in sight.
  get contentHeight(): number {
    const last = this.bands[this.bands.length - 1];
    return headHeight + last.top + last.height;
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
    this.painter.begin();
    for (const band of this.bands) {
      for (const lane of band.lanes.lanes) {
        const y = this.yOf(band, lane.y);
        if (y < this.height && y + rowHeight > headHeight) this.painter.add({ band, lane, y, height: barHeight(band) });
      }
    }
    this.painter.draw(context, theme, axis);
    this.shapes += this.painter.shapes;
    context.fillStyle = theme.card;
    context.fillRect(0, headHeight, gutter - 1, this.height);
    for (const band of this.bands) this.drawBand(context, theme, band);
    if (store.state.selection.kind === "path") this.drawPath(context, theme);
    context.restore();
    this.drawCursor(context, theme, 16);
  }

  private drawSteps(context: Draw, theme: Theme): void {
    const { run, state } = this.store;
    const { axis } = this;
    const { steps } = run.summary;
    const first = run.stepAt(axis.from);
    for (let i = first; i < Math.min(steps.length, first + mostSteps) && steps[i].start_ns < axis.to; ++i) {
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
      ++this.shapes;
    }
    const [zero] = run.stepRange(state.step);
    axis.draw(context, theme, zero, 18, this.height);
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
    return lane ? this.yOf(this.band, lane.y) + rowHeight - 2 : null;
  }

  private drawBand(context: Draw, theme: Theme, band: Band): void {
    const headed = band.rowsTop > band.top;
    if (headed) this.drawHeading(context, theme, band);
    if (band.open) this.drawGroups(context, theme, band);
  }

  // Its name, and its steps as the head of the timeline has those of the rank
  // that is looked at.
  private drawHeading(context: Draw, theme: Theme, { run, rank, name, shift, top, open }: Band): void {
    const { axis } = this;
    const y = headHeight + top - this.scroll;
    if (y > this.height || y + headingHeight < headHeight) return;
    context.font = smallFont;
    context.textAlign = "left";
    context.fillStyle = open ? theme.accent : theme.text;
    context.fillText(fitText(context, name, gutter - 10), 4, y + headingHeight / 2);
    const { steps } = run.summary;
    const chosen = this.store.run.summary.steps[this.store.state.step]?.number;
    const first = run.stepAt(axis.from - shift);
    for (let i = first; i < Math.min(steps.length, first + mostSteps) && steps[i].start_ns + shift < axis.to; ++i) {
      const [from, to] = run.stepRange(i);
      const left = Math.max(axis.x(from + shift), axis.left), right = Math.min(axis.x(to + shift), axis.right);
      if (right < axis.left) continue;
      const isChosen = steps[i].number === chosen;
      context.fillStyle = isChosen ? theme.accent : theme.raised;
      context.fillRect(left, y + 2, Math.max(right - left - 1, 1), headingHeight - 5);
      ++this.shapes;
      const text = fitText(context, `step ${steps[i].number}, ${time(to - from)}`, right - left - 8);
      context.fillStyle = isChosen ? theme.card : theme.muted;
      if (text) context.fillText(text, left + 4, y + headingHeight / 2);
    }
    if (rank === 0) return;
    context.fillStyle = theme.line;
    context.fillRect(0, y, this.width, 1);
  }

  private drawGroups(context: Draw, theme: Theme, band: Band): void {
    context.font = smallFont;
    context.textAlign = "left";
    for (const { name, errorNs, y, rows } of band.lanes.groups) {
      const top = this.yOf(band, y);
      context.fillStyle = theme.muted;
      // The number of a stream says more than the word.
      context.fillText(fitText(context, name.replace(" stream ", " #"), gutter - 10), 4, top + 8);
      if (errorNs !== null && rows > 1) context.fillText(`\u00b1 ${time(errorNs)}`, 4, top + 8 + rowHeight);
      context.strokeStyle = theme.line;
      context.beginPath();
      context.moveTo(0, top + rows * rowHeight + 3.5);
      context.lineTo(this.width, top + rows * rowHeight + 3.5);
      context.stroke();
    }
  }

  private entryAt(x: number, y: number): { band: Band; lane: Lane; entry: number } | null {
    if (x < gutter || y < headHeight) return null;
    const band = this.bandAt(y);
    const lane = band && laneAt(band, y - headHeight + this.scroll);
    if (!lane) return null;
    const at = this.axis.time(x) - band.shift, near = 2 * this.axis.nsPerPixel;
    const index = firstAfter(lane, at - near);
    return index < lane.entries.length && lane.from[index] <= at + near ? { band, lane, entry: lane.entries[index] } : null;
  }

  private bandAt(y: number): Band | undefined {
    return y < headHeight ? undefined : bandAt(this.bands, y - headHeight + this.scroll);
  }

  private spanAt(x: number, y: number): { band: Band; span: number } | null {
    const found = this.entryAt(x, y);
    const span = found ? spanOf(found.lane, found.entry) : none;
    return span === none ? null : { band: found!.band, span };
  }

  // The middle of a span, or of a time of a device ("device:0"), also of another
  // rank ("1/17").
  placeOf(what: number | string): [number, number] | null {
    const [, rank, kind, number] = /^(?:(\d+)\/)?(device:)?(\d+)$/.exec(String(what))!;
    const band = rank === undefined ? this.band : this.bands[Number(rank)];
    const { spans, devices } = band.run;
    const i = Number(number);
    const lane = kind ? band.lanes.ofDevice(devices.stream[i], devices.depth[i])
      : band.lanes.of(spans.thread[i], spans.depth[i]);
    if (!lane) return null;
    const times = kind ? devices : spans;
    return [this.axis.x((times.start[i] + times.end[i]) / 2 + band.shift),
            this.yOf(band, lane.y) + (barHeight(band) + 2) / 2];
  }

  // In another rank it looks at that one.
  protected clicked(event: MouseEvent): void {
    const { store } = this;
    this.hit = none;
    if (event.offsetY < 16) return store.goToStep(store.run.stepAt(this.axis.time(event.offsetX)));
    const band = this.bandAt(event.offsetY);
    const found = this.spanAt(event.offsetX, event.offsetY);
    if (band && event.offsetX < gutter) return store.goToRank(band.rank);
    if (found) {
      this.hit = found.span;
      store.goToRank(found.band.rank, false);
      store.select({ kind: "span", span: found.span }, { range: store.state.range });
    } else store.set({ cursor: this.axis.time(event.offsetX) });
  }

  protected clickedTwice(): void {
    if (this.hit !== none) this.zoomToSpan(this.hit);
  }

  protected scrollBy(pixels: number): void {
    this.scroll += pixels;
  }

  protected hover(event: PointerEvent): void {
    const found = this.entryAt(event.offsetX, event.offsetY);
    const band = event.offsetX < gutter ? this.bandAt(event.offsetY) : undefined;
    this.element.style.cursor = found || (band && !band.open) ? "pointer" : "default";
    if (found) showTip(event, this.entryFacts(found));
    else if (band) this.hoverGutter(event, band);
    else hideTip();
  }

  private entryFacts({ band, lane, entry }: { band: Band; lane: Lane; entry: number }): string[] {
    const lines = entryFacts(this.store, band.run, lane, entry);
    if (this.bands.length > 1) lines.splice(1, 0, band.name);
    return lines;
  }

  private hoverGutter(event: PointerEvent, band: Band): void {
    const { ranks, state } = this.store;
    const group = band.lanes.groups.find(({ y, rows }) => band.open && inRows(event.offsetY - this.yOf(band, 0), y, rows));
    if (group) {
      return showTip(event, [group.name, ...(group.errorNs === null ? [] : [`on the host's clock within ${time(group.errorNs)}`])]);
    }
    if (this.bands.length === 1) return hideTip();
    const error = ranks.errorNs(band.rank, state.rank);
    const { log, host } = band.run.summary.run;
    showTip(event, [band.name, `${log} on ${host}`, band.open ? "the views are of this rank" : error === null
      ? "placed by the wall clocks: how far these disagree is not known" : `on the same clock, within ${time(error)}`]);
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
