// A stretch of time across a canvas: zoom, pan, and its labels.

import { Draw, smallFont, textWidth } from "./canvas";
import { Theme } from "./theme";
import { axisTime, tick } from "./units";

export class Axis {
  from = 0;
  to = 1;
  left = 0; // in pixels
  right = 1;

  x(time: number): number {
    return this.left + ((time - this.from) / (this.to - this.from)) * (this.right - this.left);
  }

  time(x: number): number {
    return this.from + ((x - this.left) / (this.right - this.left)) * (this.to - this.from);
  }

  get nsPerPixel(): number {
    return (this.to - this.from) / Math.max(this.right - this.left, 1);
  }

  // The range after zooming by `factor` around `x`, within `all`.
  zoomed(factor: number, x: number, all: [number, number]): [number, number] {
    const at = this.time(x);
    return clamp([at - (at - this.from) * factor, at + (this.to - at) * factor], all);
  }

  panned(pixels: number, all: [number, number]): [number, number] {
    const by = pixels * this.nsPerPixel;
    return clamp([this.from - by, this.to - by], all);
  }

  // Lines and labels, counted from `zero`.
  draw(context: Draw, theme: Theme, zero: number, top: number, bottom: number): void {
    const step = tick(this.to - this.from, (this.right - this.left) / 90);
    context.font = smallFont;
    context.textAlign = "left";
    const first = Math.ceil((this.from - zero) / step);
    for (let i = first; zero + i * step <= this.to; ++i) {
      const x = Math.round(this.x(zero + i * step)) + 0.5;
      const text = axisTime(i * step, step);
      context.strokeStyle = theme.line;
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.stroke();
      if (x + 4 + textWidth(context, text) > this.right) continue;
      context.fillStyle = theme.muted;
      context.fillText(text, x + 4, top + 8);
    }
  }
}

const leastRange = 50; // ns

function clamp([from, to]: [number, number], [first, last]: [number, number]): [number, number] {
  const width = Math.min(Math.max(to - from, leastRange), last - first);
  const middle = (from + to) / 2;
  const start = Math.min(Math.max(middle - width / 2, first), last - width);
  return [start, start + width];
}
