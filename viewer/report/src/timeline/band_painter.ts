// Draws the bars of the timeline's rows: where spans are narrower than a pixel,
// one for each pixel. The narrow ones of all rows are painted first, then the wide
// ones and their names.

import { Axis } from "../widgets/axis";
import { Draw, fitText, smallFont } from "../widgets/canvas";
import { shortName } from "../widgets/dom";
import { deviceText } from "../run/facts";
import { Run, none } from "../run/run";
import { inkOn } from "../widgets/palettes";
import { Theme } from "../widgets/theme";
import { Band } from "./bands";
import { Lane, firstAfter, rowHeight, spanOf } from "./lanes";
import { Strips, pixelOf } from "./strips";

const narrow = 3; // pixels: such bars have no gap after them, and no name
const dimmed = 0.22;
const lookedAt = 64; // entries of a pixel, for one that is selected

// By operator; the last ones are for what has none.
interface Colours {
  theme: Theme;
  names: string[];
  pixels: Uint32Array;
  dim: Uint32Array;
  inks: string[]; // of text on them
}

interface Row {
  band: Band;
  lane: Lane;
  y: number;
  height: number;
}

export class BandPainter {
  shapes = 0; // drawn since begin()
  private strips = new Strips();
  private rows: Row[] = [];
  private colours = new WeakMap<Run, Colours>();
  // Wide bars, as position in the lane, left and width, and narrow ones that are
  // selected, as x: of one row after the other.
  private wide: number[] = [];
  private wideEnds: number[] = [];
  private marks: number[] = [];
  private markEnds: number[] = [];

  constructor(private maskOf: (rank: number) => Uint8Array | null) {}

  begin(): void {
    this.shapes = 0;
    this.rows.length = this.wide.length = this.wideEnds.length = this.marks.length = this.markEnds.length = 0;
  }

  add(row: Row): void {
    this.rows.push(row);
  }

  draw(context: Draw, theme: Theme, axis: Axis): void {
    const density = devicePixelRatio || 1;
    const width = Math.max(Math.ceil((axis.right - axis.left) * density), 1);
    this.strips.begin(width, this.rows.length);
    this.rows.forEach((row, index) => this.paint(row, index, theme, axis, density, width));
    this.strips.finish();
    context.font = smallFont;
    context.textAlign = "left";
    context.imageSmoothingEnabled = false;
    this.rows.forEach(({ y, height }, index) => this.strips.draw(context, index, axis.left, y, width / density, height));
    context.imageSmoothingEnabled = true;
    this.rows.forEach((row, index) => this.drawWide(context, theme, row, index));
    context.globalAlpha = 1;
    context.lineWidth = 1;
  }

  private coloursOf(run: Run, theme: Theme): Colours {
    let colours = this.colours.get(run);
    if (colours?.theme === theme) return colours;
    const names = run.facts.operators.map((operator) =>
      theme.kinds[operator.kind === "op" ? operator.class : operator.kind] ?? theme.faint);
    names.push(theme.raised, theme.faint); // steps and activities of a device
    colours = {
      theme, names, pixels: Uint32Array.from(names, (name) => pixelOf(name, 1)),
      dim: Uint32Array.from(names, (name) => pixelOf(name, dimmed)), inks: names.map(inkOn),
    };
    this.colours.set(run, colours);
    return colours;
  }

  private paint({ band, lane }: Row, index: number, theme: Theme, axis: Axis, density: number, width: number): void {
    const { spans } = band.run;
    const { from, to, entries, span } = lane;
    const { pixels, dim } = this.coloursOf(band.run, theme);
    const mask = this.maskOf(band.rank);
    const zero = axis.from - band.shift, end = axis.to - band.shift;
    const scale = (axis.right - axis.left) / (axis.to - axis.from); // pixels a ns
    const byNs = scale * density, widest = narrow * density;
    for (let i = firstAfter(lane, zero); i < entries.length && from[i] <= end; ) {
      const left = Math.max((from[i] - zero) * byNs, 0), right = Math.min((to[i] - zero) * byNs, width);
      if (right - left > widest) {
        this.wide.push(i, axis.left + left / density, (right - left) / density);
        ++i;
        continue;
      }
      const column = Math.min(Math.floor(left), width - 1);
      let shown = span ? span[entries[i]] : entries[i];
      // One for this pixel: the selected one, if there is one.
      const next = right - left > 1 ? i + 1 : Math.max(firstAfter(lane, zero + (column + 1) / byNs, i), i + 1);
      for (let k = i + 1; mask && k < Math.min(next, i + lookedAt) && !(shown !== none && mask[shown] === 2); ++k) {
        const other = span ? span[entries[k]] : entries[k];
        if (other !== none && mask[other] === 2) shown = other;
      }
      const lit = !mask || (shown !== none && mask[shown] > 0);
      const colour = shown === none ? ofNoSpan(band.run, entries[i]) : spans.name[shown];
      this.strips.paint(index, column, Math.min(Math.max(Math.round(right), column + 1), width), (lit ? pixels : dim)[colour]);
      if (band.open && mask && shown !== none && mask[shown] === 2) this.marks.push(axis.left + column / density);
      ++this.shapes;
      i = next;
    }
    this.wideEnds.push(this.wide.length);
    this.markEnds.push(this.marks.length);
  }

  private drawWide(context: Draw, theme: Theme, { band, lane, y, height }: Row, index: number): void {
    const mask = this.maskOf(band.rank);
    const { names, inks } = this.coloursOf(band.run, theme);
    const { run, open } = band;
    for (let at = index > 0 ? this.wideEnds[index - 1] : 0; at < this.wideEnds[index]; at += 3) {
      const entry = lane.entries[this.wide[at]], left = this.wide[at + 1], width = this.wide[at + 2];
      const span = spanOf(lane, entry);
      const colour = span === none ? ofNoSpan(run, entry) : run.spans.name[span];
      const lit = !mask || (span !== none && mask[span] > 0);
      context.globalAlpha = lit ? 1 : dimmed;
      context.fillStyle = names[colour];
      context.fillRect(left, y, width - 0.5, height);
      ++this.shapes;
      if (!open) continue;
      if (mask && span !== none && mask[span] === 2) {
        context.strokeStyle = theme.text;
        context.lineWidth = 1.5;
        context.strokeRect(left + 0.75, y + 0.75, width - 1.5, height - 1.5);
      }
      if (width <= 24) continue;
      const label = fitText(context, shortName(lane.span ? deviceText(run, entry) : run.operator(span).name), width - 6);
      context.globalAlpha = 1; // what is not selected stays legible
      context.fillStyle = lit && span !== none ? inks[colour] : theme.muted;
      if (label) context.fillText(label, left + 3, y + height / 2 + 0.5);
    }
    context.globalAlpha = 1;
    context.fillStyle = theme.text;
    for (let at = index > 0 ? this.markEnds[index - 1] : 0; at < this.markEnds[index]; ++at) {
      context.fillRect(this.marks[at], y - 2, 1, 2);
    }
  }
}

// Which colour a device's step has, or an activity that nobody knows who launched.
function ofNoSpan({ facts, devices }: Run, entry: number): number {
  return facts.operators.length + Number(devices.activity[entry] !== none);
}

// Of a row of a band, without the gap below it.
export function barHeight({ open, scale }: Band): number {
  return open ? rowHeight - 2 : rowHeight * scale - 1;
}
