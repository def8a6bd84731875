// The whole graph in a corner, where not all of it is seen, with what is.

import { Draw } from "../widgets/canvas";
import { Box } from "./graph_layout";
import { Theme } from "../widgets/theme";

const widest = 170, highest = 150, margin = 12, mostDepth = 3;

// What of the picture is seen.
export interface Sight {
  left: number; top: number; right: number; bottom: number;
  width: number; height: number; // of the canvas, in pixels
}

export class Minimap {
  private at: { x: number; y: number; width: number; height: number; scale: number } | null = null;

  draw(context: Draw, theme: Theme, boxes: Box[], sight: Sight): void {
    let right = 1, bottom = 1;
    for (const { x, y, width, height } of boxes) {
      [right, bottom] = [Math.max(right, x + width), Math.max(bottom, y + height)];
    }
    this.at = null;
    const isAllSeen = sight.left <= 0 && sight.top <= 0 && sight.right >= right && sight.bottom >= bottom;
    if (isAllSeen || sight.width < 3 * widest || sight.height < 2 * highest) return;
    const scale = Math.min(widest / right, highest / bottom);
    const [width, height] = [right * scale, bottom * scale];
    const [x, y] = [sight.width - width - margin, sight.height - height - margin];
    this.at = { x, y, width, height, scale };
    context.globalAlpha = 0.94;
    context.fillStyle = theme.card;
    context.strokeStyle = theme.faint;
    context.fillRect(x - 4, y - 4, width + 8, height + 8);
    context.strokeRect(x - 4.5, y - 4.5, width + 9, height + 9);
    context.globalAlpha = 1;
    for (const box of boxes) {
      if (box.depth > mostDepth) continue;
      context.fillStyle = box.open ? (box.depth % 2 ? theme.raised : theme.card) : theme.faint;
      context.fillRect(x + box.x * scale, y + box.y * scale,
                       Math.max(box.width * scale, 1), Math.max(box.height * scale, 1));
    }
    const clip = (value: number, most: number) => Math.max(0, Math.min(value, most));
    const [left, top] = [clip(sight.left, right) * scale, clip(sight.top, bottom) * scale];
    context.strokeStyle = theme.accent;
    context.fillStyle = theme.band;
    const seen: [number, number, number, number] = [x + left, y + top,
      clip(sight.right, right) * scale - left, clip(sight.bottom, bottom) * scale - top];
    context.fillRect(...seen);
    context.strokeRect(...seen);
  }

  // The point of the picture under a point of the canvas; null: not here.
  pointAt(x: number, y: number): [number, number] | null {
    const { at } = this;
    if (!at || x < at.x - 4 || y < at.y - 4 || x > at.x + at.width + 4 || y > at.y + at.height + 4) return null;
    return [(x - at.x) / at.scale, (y - at.y) / at.scale];
  }

  // For tests: a point of the canvas for one of the picture.
  placeOf(x: number, y: number): [number, number] | null {
    return this.at && [this.at.x + x * this.at.scale, this.at.y + y * this.at.scale];
  }
}
