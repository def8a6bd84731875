// Small charts of the overview: steps as bars, values as a line, shares as rows.

import { Canvas, Draw, hideTip, showTip, smallFont, textWidth } from "../widgets/canvas";
import { make } from "../widgets/dom";
import { Store } from "../store";
import { Theme } from "../widgets/theme";
import { axisTime, tick, time, value } from "../widgets/units";

const left = 54, top = 8, foot = 20;

// Marks and grid of a vertical axis from `low` to `high`.
function drawScale(
  context: Draw, theme: Theme, size: [number, number], range: [number, number], text: (n: number, step: number) => string
): (n: number) => number {
  const [width, height] = size, [low, high] = range;
  const y = (n: number) => height - foot - ((n - low) / (high - low || 1)) * (height - foot - top);
  const step = tick(high - low, (height - foot - top) / 34);
  context.font = smallFont;
  context.textAlign = "right";
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); ++i) {
    const at = Math.round(y(i * step)) + 0.5;
    context.strokeStyle = theme.line;
    context.beginPath();
    context.moveTo(left, at);
    context.lineTo(width, at);
    context.stroke();
    context.fillStyle = theme.muted;
    context.fillText(text(i * step, step), left - 6, at);
  }
  return y;
}

// Numbers of steps below a chart.
function drawSteps(
  context: Draw, theme: Theme, size: [number, number], range: [number, number]
): void {
  const [width, height] = size, [first, last] = range;
  const step = Math.max(1, tick(last - first + 1, (width - left) / 60));
  context.textAlign = "center";
  context.fillStyle = theme.muted;
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
    const x = left + ((at - first + 0.5) / (last - first + 1)) * (width - left);
    const half = textWidth(context, String(at)) / 2;
    if (x + half <= width && x - half >= left) context.fillText(String(at), x, height - foot / 2 + 2);
  }
}

// A bar for each step, or for as many as share a pixel the longest.
export class StepChart extends Canvas {
  constructor(private store: Store) {
    super("time of each step");
    this.element.onclick = (event) => {
      const index = this.indexAt(event.offsetX);
      if (index !== null) store.goToStep(index);
    };
    this.element.onpointermove = (event) => this.hover(event);
  }

  private indexAt(x: number): number | null {
    const { length } = this.store.run.summary.steps;
    const index = Math.floor(((x - left) / (this.width - left)) * length);
    return index >= 0 && index < length ? index : null;
  }

  protected draw(context: Draw, theme: Theme): void {
    const { steps } = this.store.run.summary;
    if (steps.length === 0) return;
    const size: [number, number] = [this.width, this.height];
    if (steps.every(({ duration_ns }) => duration_ns === null)) {
      context.fillStyle = theme.muted;
      context.fillText("No step has an end in the log.", 12, top + foot);
      return;
    }
    const highest = steps.reduce((most, { duration_ns }) => Math.max(most, duration_ns ?? 0), 1);
    const y = drawScale(context, theme, size, [0, highest], axisTime);
    drawSteps(context, theme, size, [steps[0].number, steps[steps.length - 1].number]);
    const slot = (this.width - left) / steps.length;
    const bottom = y(0);
    for (let pixel = 0, i = 0; i < steps.length; ++pixel) {
      let tallest = i;
      const end = slot >= 1 ? i + 1 : Math.min(Math.ceil((pixel + 1) / slot), steps.length);
      for (; i < end; ++i) {
        if ((steps[i].duration_ns ?? 0) > (steps[tallest].duration_ns ?? 0)) tallest = i;
      }
      this.bar(context, theme, tallest, [left + tallest * slot, slot, bottom], y);
    }
  }

  private bar(
    context: Draw, theme: Theme, index: number, [x, slot, bottom]: [number, number, number],
    y: (n: number) => number
  ): void {
    const { state, run } = this.store;
    const step = run.summary.steps[index];
    const width = Math.max(slot - (slot > 4 ? 1 : 0), 1);
    const duration = step.duration_ns ?? 0;
    const backward = Math.min(step.backward_ns ?? 0, duration);
    const forward = Math.min(step.forward_ns ?? 0, duration - backward);
    context.globalAlpha = index === state.step ? 1 : 0.75;
    context.fillStyle = context.strokeStyle = theme.faint;
    // What was in a step that was not recorded nobody knows: an outline.
    if (step.recorded || width < 3) context.fillRect(x, y(duration), width, bottom - y(duration));
    else context.strokeRect(x + 0.5, y(duration) + 0.5, width - 1, bottom - y(duration) - 1);
    context.fillStyle = theme.backward;
    context.fillRect(x, y(forward + backward), width, bottom - y(forward + backward));
    context.fillStyle = theme.forward;
    context.fillRect(x, y(forward), width, bottom - y(forward));
    context.globalAlpha = 1;
    if (index === state.step) {
      context.fillStyle = theme.accent;
      context.fillRect(x - 1, bottom + 1, width + 2, 3);
    }
    this.shapes += 3;
  }

  private hover(event: PointerEvent): void {
    const index = this.indexAt(event.offsetX);
    const step = index === null ? null : this.store.run.summary.steps[index];
    if (!step || index === null) return hideTip();
    const lines = [`step ${step.number}`,
      step.duration_ns === null ? "its end is not in the log" : time(step.duration_ns)];
    if (step.backward_ns !== null) lines.push(`backward ${time(step.backward_ns)}`);
    if (step.forward_ns !== null) lines.push(`other ops ${time(step.forward_ns)}`);
    if (!step.recorded) lines.push("not recorded");
    else if (!this.store.run.isKept(index)) lines.push("its events are not in this page");
    showTip(event, lines);
  }
}

// A logged value over the steps.
export class ValueChart extends Canvas {
  private shown: string | null = null;
  private points: { step: number; number: number }[] = [];

  constructor(private store: Store) {
    super("a logged value over the steps");
    this.element.onclick = (event) => {
      const point = this.pointAt(event.offsetX);
      const index = point ? store.run.stepIndex(point.step) : -1;
      if (index >= 0) store.goToStep(index);
    };
    this.element.onpointermove = (event) => {
      const point = this.pointAt(event.offsetX);
      if (point) showTip(event, [value(point.number), `step ${point.step}`]);
    };
  }

  show(name: string): void {
    this.redraw();
    if (name === this.shown) return;
    this.shown = name;
    const { values, facts } = this.store.run;
    const wanted = facts.value_names.indexOf(name);
    this.points = [];
    values.name.forEach((each, i) => {
      if (each === wanted) this.points.push({ step: values.step[i], number: values.number[i] });
    });
    this.element.setAttribute("aria-label", `${name} over the steps`);
  }

  private get steps(): [number, number] {
    return [this.points[0].step, this.points[this.points.length - 1].step];
  }

  private x(step: number): number {
    const [first, last] = this.steps;
    return left + ((step - first + 0.5) / (last - first + 1)) * (this.width - left);
  }

  private pointAt(x: number): { step: number; number: number } | null {
    let best = null, nearest = Infinity;
    for (const point of this.points) {
      const distance = Math.abs(this.x(point.step) - x);
      if (distance < nearest) [best, nearest] = [point, distance];
    }
    return best;
  }

  protected draw(context: Draw, theme: Theme): void {
    const finite = this.points.filter(({ number }) => Number.isFinite(number));
    if (finite.length === 0) return;
    let low = Infinity, high = -Infinity;
    for (const { number } of finite) [low, high] = [Math.min(low, number), Math.max(high, number)];
    if (low > 0 && low < 0.6 * high) low = 0;
    if (low === high) [low, high] = [low - 1, high + 1];
    const size: [number, number] = [this.width, this.height];
    const y = drawScale(context, theme, size, [low, high], value);
    drawSteps(context, theme, size, this.steps);
    context.strokeStyle = theme.accent;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const { step, number } of finite) context.lineTo(this.x(step), y(number));
    context.stroke();
    context.lineWidth = 1;
    this.shapes += finite.length;
    const now = this.store.run.summary.steps[this.store.state.step]?.number;
    const here = finite.find(({ step }) => step === now);
    if (!here) return;
    context.fillStyle = theme.accent;
    context.beginPath();
    context.arc(this.x(here.step), y(here.number), 3.5, 0, 7);
    context.fill();
  }
}

export interface Share {
  name: string;
  parts: [forward: number, backward: number];
  text: string;
  selected: boolean;
  onclick: (() => void) | null;
}

// Rows with a bar each, the longest as wide as there is room.
export function shareRows(rows: Share[], most: number): HTMLElement {
  const list = make("div", { class: "shares" });
  for (const { name, parts, text, selected, onclick } of rows) {
    const bar = make("span", { class: "share" });
    parts.forEach((part, index) => {
      const piece = make("i", { class: index === 0 ? "forward" : "backward" });
      piece.style.width = `${(100 * part) / (most || 1)}%`;
      bar.append(piece);
    });
    const row = make("button", { class: selected ? "selected" : "", type: "button", title: name,
                                 disabled: onclick === null },
      make("span", { class: "name", text: name }), bar, make("span", { class: "number", text }));
    if (onclick) row.onclick = onclick;
    list.append(row);
  }
  return list;
}
