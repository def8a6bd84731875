// A canvas that fits its place, sharp on every screen, drawn once a frame, with
// a tip under the mouse.

import { make } from "./dom";
import { Theme, theme } from "./theme";

export type Draw = CanvasRenderingContext2D;
export const font = "12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
export const smallFont = font.replace("12px", "11px");

// What the last frame of each canvas cost, and when there was a first one: for
// tests and for the curious.
export const frames: { [label: string]: { ms: number; shapes: number; at: number } } = {};

export abstract class Canvas {
  readonly element: HTMLCanvasElement;
  protected width = 0;
  protected height = 0;
  protected shapes = 0; // drawn in this frame
  private pending = false;

  constructor(private label: string) {
    this.element = make("canvas", { label, role: "img", tabIndex: 0 });
    new ResizeObserver(() => this.redraw()).observe(this.element);
    this.element.addEventListener("pointerleave", () => hideTip());
  }

  protected abstract draw(context: Draw, theme: Theme): void;

  redraw(): void {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.paint(); });
  }

  private paint(): void {
    const { element } = this;
    const [width, height] = [element.clientWidth, element.clientHeight];
    if (width === 0 || height === 0) return;
    const start = performance.now();
    const scale = devicePixelRatio || 1;
    if (element.width !== Math.round(width * scale)) element.width = Math.round(width * scale);
    if (element.height !== Math.round(height * scale)) element.height = Math.round(height * scale);
    [this.width, this.height] = [width, height];
    const context = element.getContext("2d")!;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = font;
    context.textBaseline = "middle";
    this.shapes = 0;
    this.draw(context, theme());
    const ms = performance.now() - start;
    frames[this.label] = { ms, shapes: this.shapes, at: frames[this.label]?.at ?? start + ms };
  }
}

const tip = make("div", { class: "tip", role: "tooltip" });

// `lines`: the first is the heading.
export function showTip(event: MouseEvent, lines: string[]): void {
  tip.replaceChildren(...lines.map((text, index) => make(index === 0 ? "b" : "div", { text })));
  if (!tip.isConnected) document.body.append(tip);
  const { offsetWidth, offsetHeight } = tip;
  const left = Math.min(event.clientX + 14, innerWidth - offsetWidth - 8);
  const below = event.clientY + 18;
  const top = below + offsetHeight > innerHeight ? event.clientY - offsetHeight - 10 : below;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(top, 4)}px`;
}

export function hideTip(): void {
  tip.remove();
}

const leastRoom = 5; // pixels: hardly a letter

const widths = new Map<string, number>();

export function textWidth(context: Draw, text: string): number {
  const key = context.font + text;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > 20000) widths.clear();
    widths.set(key, (width = context.measureText(text).width));
  }
  return width;
}

// As much of a text as fits; empty if hardly any of it does.
export function fitText(context: Draw, text: string, room: number): string {
  if (room < leastRoom) return "";
  if (textWidth(context, text) <= room) return text;
  const letters = Math.floor((room / textWidth(context, text)) * text.length) - 1;
  for (let length = letters; length >= 3; --length) {
    const cut = `${text.slice(0, length)}\u2026`;
    if (textWidth(context, cut) <= room) return cut;
  }
  return "";
}

export function roundRect(
  context: Draw, x: number, y: number, width: number, height: number, radius: number
): void {
  const r = Math.min(radius, width / 2, height / 2);
  context.beginPath();
  context.moveTo(x + r, y);
  context.arcTo(x + width, y, x + width, y + height, r);
  context.arcTo(x + width, y + height, x, y + height, r);
  context.arcTo(x, y + height, x, y, r);
  context.arcTo(x, y, x + width, y, r);
  context.closePath();
}
