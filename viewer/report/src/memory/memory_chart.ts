// Live memory over time, stacked by groups. A pixel shows the most that was live
// in its time, and who held it then.

import { Draw, hideTip, showTip, smallFont } from "../widgets/canvas";
import { firstAt } from "../run/facts";
import { none } from "../run/run";
import { Changes, Groups, Grouping, changesOf, groupsOf } from "./live";
import { LiveBlocks } from "./memory_blocks";
import { Selection, Store } from "../store";
import { Theme } from "../widgets/theme";
import { TimeCanvas } from "../widgets/timecanvas";
import { byteTick, bytes, time } from "../widgets/units";

const left = 92, top = 20, foot = 6;

// Of each pixel: the most that was live, by group, then of what is selected.
interface Picture {
  live: Float64Array;
  parts: Float64Array; // pixels * (groups + 1)
  at: Float64Array;
}

export class MemoryChart extends TimeCanvas {
  groups: Groups;
  private grouping: Grouping = "module";
  private known: {
    groups: Map<Grouping, Groups>;
    blocks?: { groups: Groups; selection: Selection; blocks: LiveBlocks };
  } = { groups: new Map() };
  private changes: Changes;
  private picture: Picture | null = null;

  // `plain`: in one colour, where others mean something else.
  constructor(store: Store, label = "live memory", private plain = false) {
    super(label, store, false);
    this.changes = changesOf(store.run);
    this.groups = this.groupBy("module");
  }

  groupBy(grouping: Grouping): Groups {
    this.grouping = grouping;
    let groups = this.known.groups.get(grouping);
    if (!groups) this.known.groups.set(grouping, (groups = groupsOf(this.store.run, grouping)));
    this.redraw();
    return (this.groups = groups);
  }

  get groupedBy(): Grouping {
    return this.grouping;
  }

  private isSelected(allocation: number): boolean {
    const { state, mask, run } = this.store;
    const { span, module, maker } = run.allocations;
    const { selection } = state;
    if (selection.kind === "allocation") return selection.allocation === allocation;
    if (selection.kind === "module") {
      return module[allocation] !== none && run.isInModule(module[allocation], selection.module);
    }
    if (selection.kind === "name" && maker[allocation] !== none &&
        run.facts.operators[maker[allocation]].name === selection.name) return true;
    return !!mask && span[allocation] !== none && mask[span[allocation]] > 0;
  }

  // Of what is selected now.
  private get blocks(): LiveBlocks {
    const { groups, changes } = this;
    const { selection } = this.store.state;
    if (this.known.blocks?.groups !== groups || this.known.blocks.selection !== selection) {
      const { count } = this.store.run.allocations;
      const selected = groups.names.length;
      const ofGroup = groups.names.map((_, group) => [group]);
      const andSelected = ofGroup.map(([group]) => [group, selected]);
      const isSelected = new Uint8Array(count);
      for (let i = 0; selection.kind !== "none" && i < count; ++i) isSelected[i] = this.isSelected(i) ? 1 : 0;
      const blocks = new LiveBlocks(changes, count, selected + 1,
        (allocation) => (isSelected[allocation] ? andSelected : ofGroup)[groups.of[allocation]]);
      this.known.blocks = { groups, selection, blocks };
    }
    return this.known.blocks.blocks;
  }

  private paintPicture(): Picture {
    const { axis, changes, blocks } = this;
    const pixels = Math.max(Math.ceil(axis.right - axis.left), 1);
    const picture = { live: new Float64Array(pixels), at: new Float64Array(pixels),
                      parts: new Float64Array(pixels * blocks.parts) };
    const { parts } = blocks;
    let first = firstAt(changes.time, axis.from), before = -2;
    for (let pixel = 0; pixel < pixels; ++pixel) {
      const begin = axis.time(axis.left + pixel), end = axis.time(axis.left + pixel + 1);
      let last = first;
      if (changes.time[last] < end) last = firstAt(changes.time, end);
      const most = blocks.mostAfter(first, last);
      picture.live[pixel] = blocks.liveAfter(most);
      picture.at[pixel] = most < first ? begin : changes.time[most];
      const into = picture.parts.subarray(pixel * parts, (pixel + 1) * parts);
      if (most === before) into.set(picture.parts.subarray((pixel - 1) * parts, pixel * parts));
      else blocks.partsAfter(most, into);
      before = most;
      first = last;
    }
    return picture;
  }

  protected draw(context: Draw, theme: Theme): void {
    const { axis, store } = this;
    [axis.from, axis.to] = store.visibleRange();
    [axis.left, axis.right] = [left, this.width];
    const picture = (this.picture = this.paintPicture());
    const hidden = this.hiddenSteps();
    const most = Math.max(picture.live.reduce((a, b) => Math.max(a, b), 1),
      ...hidden.map(({ peak }) => peak)) * 1.05;
    const bottom = this.height - foot;
    const y = (size: number) => bottom - (size / most) * (bottom - top);
    axis.draw(context, theme, store.run.stepRange(store.state.step)[0], 0, bottom);
    this.drawScale(context, theme, most, y);
    for (const { from, to, peak } of hidden) {
      context.fillStyle = theme.faint;
      context.fillRect(axis.x(from), y(peak), Math.max(axis.x(to) - axis.x(from), 1), bottom - y(peak));
    }
    this.drawStack(context, theme, picture, y);
    this.drawPeak(context, theme, y);
    // In a replay the curve fills up to the cursor.
    const { cursor, replaying } = store.state;
    if (replaying && cursor !== null && cursor < axis.to) {
      const from = Math.max(axis.x(cursor), axis.left);
      context.globalAlpha = 0.82;
      context.fillStyle = theme.card;
      context.fillRect(from, 0, axis.right - from, this.height);
      context.globalAlpha = 1;
    }
    this.drawCursor(context, theme, 0);
  }

  // Steps whose events are not in the page: of them only the most is known.
  private hiddenSteps(): { from: number; to: number; peak: number }[] {
    const { run } = this.store;
    const { steps } = run.summary;
    const hidden = [];
    for (let i = run.stepAt(this.axis.from); i < steps.length && steps[i].start_ns < this.axis.to; ++i) {
      const peak = run.peaks.get(steps[i].number);
      if (run.isKept(i) || peak === undefined) continue;
      const [from, to] = run.stepRange(i);
      hidden.push({ from: Math.max(from, this.axis.from), to: Math.min(to, this.axis.to), peak });
    }
    return hidden;
  }

  private drawScale(context: Draw, theme: Theme, most: number, y: (size: number) => number): void {
    const step = byteTick(most, (this.height - top) / 32);
    context.font = smallFont;
    context.textAlign = "right";
    for (let size = 0; size <= most; size += step) {
      const at = Math.round(y(size)) + 0.5;
      context.strokeStyle = theme.line;
      context.beginPath();
      context.moveTo(left, at);
      context.lineTo(this.width, at);
      context.stroke();
      context.fillStyle = theme.muted;
      context.fillText(bytes(size), left - 6, Math.min(at, this.height - 7));
    }
  }

  // Columns of whole pixels: a browser paints them many times faster than the
  // smooth outline of an area with as many corners.
  private drawStack(context: Draw, theme: Theme, picture: Picture, y: (size: number) => number): void {
    const count = this.groups.names.length, kinds = count + 1;
    const pixels = picture.live.length;
    const selecting = this.store.state.selection.kind !== "none";
    const ground = new Int32Array(pixels).fill(Math.round(y(0))), roof = new Int32Array(pixels);
    const sum = new Float64Array(pixels);
    context.globalAlpha = selecting && !this.plain ? 0.4 : 1;
    for (let group = 0; group < count; ++group) {
      for (let x = 0; x < pixels; ++x) roof[x] = Math.round(y((sum[x] += picture.parts[x * kinds + group])));
      context.fillStyle = this.plain ? theme.band : theme.series[group] ?? theme.faint;
      this.fillColumns(context, roof, ground);
      ground.set(roof);
    }
    context.globalAlpha = 1;
    if (selecting) {
      for (let x = 0; x < pixels; ++x) roof[x] = Math.round(y(picture.parts[x * kinds + count]));
      context.fillStyle = theme.accent;
      this.fillColumns(context, roof, ground.fill(Math.round(y(0))));
    }
    for (let x = 0; x < pixels; ++x) roof[x] = Math.round(y(picture.live[x])) - 1;
    for (let x = 0; x < pixels; ++x) ground[x] = Math.max(roof[x], x > 0 ? roof[x - 1] : roof[x]) + 1;
    for (let x = pixels - 1; x > 0; --x) roof[x] = Math.min(roof[x], roof[x - 1]);
    context.fillStyle = theme.text;
    this.fillColumns(context, roof, ground);
  }

  // From `roof` down to `ground`; pixels that are alike as one.
  private fillColumns(context: Draw, roof: Int32Array, ground: Int32Array): void {
    for (let x = 0; x < roof.length; ) {
      let next = x + 1;
      while (next < roof.length && roof[next] === roof[x] && ground[next] === ground[x]) ++next;
      if (ground[x] > roof[x]) {
        context.fillRect(left + x, roof[x], next - x, ground[x] - roof[x]);
        ++this.shapes;
      }
      x = next;
    }
  }

  private drawPeak(context: Draw, theme: Theme, y: (size: number) => number): void {
    const { memory } = this.store.run.summary;
    if (!memory || memory.peak_time_ns < this.axis.from || memory.peak_time_ns > this.axis.to) return;
    const x = this.axis.x(memory.peak_time_ns), at = y(memory.peak_bytes);
    context.fillStyle = theme.text;
    context.beginPath();
    context.arc(x, at, 3.5, 0, 7);
    context.fill();
    const right = x > this.width - 120;
    context.textAlign = right ? "right" : "left";
    context.fillText(`peak ${bytes(memory.peak_bytes)}`, x + (right ? -8 : 8), Math.max(at - 3, 8));
  }

  // An instant.
  placeOf(at: number | string): [number, number] {
    return [this.axis.x(Number(at)), this.height / 2];
  }

  protected clicked(event: MouseEvent): void {
    this.store.set({ cursor: this.axis.time(event.offsetX) });
  }

  protected clickedTwice(): void {
    const { cursor } = this.store.state;
    const quarter = (this.axis.to - this.axis.from) / 8;
    if (cursor !== null) this.zoomTo([cursor - quarter, cursor + quarter]);
  }

  protected hover(event: PointerEvent): void {
    const x = Math.floor(event.offsetX - left);
    const { picture } = this;
    if (!picture || x < 0 || x >= picture.live.length) return hideTip();
    const kinds = this.groups.names.length + 1;
    const [from] = this.store.run.stepRange(this.store.state.step);
    const lines = this.groups.names.map((name, group) => ({ name, size: picture.parts[x * kinds + group] }))
      .filter(({ size }) => size > 0).sort((a, b) => b.size - a.size)
      .map(({ name, size }) => `${bytes(size)}  ${name}`);
    showTip(event, [`${bytes(picture.live[x])} live`,
      `at ${time(Math.max(picture.at[x] - from, 0))} of the step`, ...lines]);
  }

  // To the change before or after the cursor.
  private stepBy(direction: number): boolean {
    const { cursor } = this.store.state;
    const { time: times, count } = this.changes;
    if (count === 0) return false;
    const from = cursor ?? this.axis.from;
    let index = firstAt(times, from);
    if (direction > 0) while (index < count && times[index] <= from) ++index;
    else --index;
    if (index < 0 || index >= count) return true;
    this.store.set({ cursor: times[index] }, false);
    return true;
  }

  onKey(event: KeyboardEvent): boolean {
    if (event.key === "ArrowRight") return this.stepBy(1);
    if (event.key === "ArrowLeft") return this.stepBy(-1);
    return super.onKey(event);
  }
}
