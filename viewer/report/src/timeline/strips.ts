// Bars that are a few pixels wide, of which a row can have one for each pixel:
// painted into a picture that has one line of pixels for each row, which the
// browser then draws as high as the row is. That is one drawing for a row
// instead of a thousand.

import { Draw } from "../widgets/canvas";

export class Strips {
  private canvas = document.createElement("canvas");
  private context = this.canvas.getContext("2d")!;
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private width = 0;

  // For so many rows of so many pixels.
  begin(width: number, rows: number): void {
    if (!this.image || this.image.width !== width || this.image.height < rows) {
      this.image = new ImageData(Math.max(width, 1), Math.max(rows, 1));
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.canvas.width = this.image.width;
      this.canvas.height = this.image.height;
    } else this.pixels.fill(0);
    this.width = width;
  }

  paint(row: number, from: number, to: number, colour: number): void {
    const start = row * this.width;
    if (to - from === 1) this.pixels[start + from] = colour;
    else this.pixels.fill(colour, start + from, start + to);
  }

  // Makes what was painted ready to be drawn.
  finish(): void {
    if (this.image) this.context.putImageData(this.image, 0, 0);
  }

  draw(context: Draw, row: number, left: number, top: number, width: number, height: number): void {
    context.drawImage(this.canvas, 0, row, this.width, 1, left, top, width, height);
  }
}

// "#rrggbb" as ImageData has it on machines of today, with the alpha from 0 to 1.
export function pixelOf(colour: string, alpha: number): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((Math.round(alpha * 255) << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
