// Ranks by steps: each cell says how long the rank took against the median of
// all ranks in that step. Blue is faster, orange slower: all kinds of sight tell
// them apart.

import { Canvas, Draw, fitText, hideTip, showTip, smallFont } from "../widgets/canvas";
import { Store } from "../store";
import { Theme } from "../widgets/theme";
import { known, tick, time } from "../widgets/units";
import { Measure, rankTimes } from "./rank_times";

const left = 96, foot = 20, mostHeight = 26;
const mostOff = 0.5; // half as much again is as strong as the colour gets

export class RankChart extends Canvas {
  constructor(private store: Store) {
    super("time of each rank in each step, against the median of the ranks");
    this.element.onclick = (event) => this.clicked(event);
    this.element.onpointermove = (event) => this.hover(event);
  }

  get measure(): Measure {
    return this.store.state.ranksBy === "step" ? "step" : "own";
  }

  private get times() {
    return rankTimes(this.store.ranks, this.measure);
  }

  // Of a row: at least a pixel.
  private get rowHeight(): number {
    return Math.max(1, Math.min(mostHeight, Math.floor((this.height - foot) / this.times.of.length)));
  }

  private cellAt(event: MouseEvent): { rank: number; column: number } | null {
    const { steps, of } = this.times;
    const rank = Math.floor(event.offsetY / this.rowHeight);
    const column = Math.floor(((event.offsetX - left) / (this.width - left)) * steps.length);
    return of[rank] && column < steps.length ? { rank, column: Math.max(column, -1) } : null;
  }

  protected draw(context: Draw, theme: Theme): void {
    const { store, rowHeight } = this;
    const { steps, of } = this.times;
    context.font = smallFont;
    const slot = (this.width - left) / Math.max(steps.length, 1);
    of.forEach((_, rank) => {
      const y = rank * rowHeight;
      if (rowHeight >= 12) {
        context.textAlign = "left";
        context.fillStyle = rank === store.state.rank ? theme.text : theme.muted;
        context.fillText(fitText(context, store.ranks.all[rank].name, left - 12), 4, y + rowHeight / 2);
      }
      if (rank === store.state.rank) {
        context.fillStyle = theme.accent;
        context.fillRect(left - 5, y, 3, Math.max(rowHeight - 1, 1));
      }
      this.drawRow(context, theme, rank, slot, y);
    });
    this.drawFoot(context, theme, slot);
  }

  // Of the steps that share a pixel, the one that is farthest off.
  private drawRow(context: Draw, theme: Theme, rank: number, slot: number, y: number): void {
    const ratios = this.times.ratio[rank];
    const height = Math.max(this.rowHeight - 1, 1);
    for (let i = 0, pixel = 0; i < ratios.length; ++pixel) {
      const end = slot >= 1 ? i + 1 : Math.max(Math.min(Math.ceil((pixel + 1) / slot), ratios.length), i + 1);
      const x = left + i * slot;
      let most: number | null = null;
      for (; i < end; ++i) {
        const ratio = ratios[i];
        if (ratio !== null && (most === null || Math.abs(ratio - 1) > Math.abs(most - 1))) most = ratio;
      }
      if (most === null) continue;
      const width = Math.max(slot - (slot > 4 ? 1 : 0), 1);
      context.globalAlpha = 1;
      context.fillStyle = theme.raised;
      context.fillRect(x, y, width, height);
      context.globalAlpha = Math.min(Math.abs(most - 1) / mostOff, 1);
      context.fillStyle = most > 1 ? theme.backward : theme.forward;
      context.fillRect(x, y, width, height);
      ++this.shapes;
    }
    context.globalAlpha = 1;
  }

  private drawFoot(context: Draw, theme: Theme, slot: number): void {
    const { steps, of } = this.times;
    const { run, state } = this.store;
    const y = of.length * this.rowHeight;
    const here = steps.indexOf(run.summary.steps[state.step]?.number);
    if (here >= 0) {
      context.fillStyle = theme.accent;
      context.fillRect(left + here * slot - 1, y, Math.max(slot, 1) + 1, 3);
    }
    const every = Math.max(1, tick(steps.length, (this.width - left) / 60));
    context.textAlign = "center";
    context.fillStyle = theme.muted;
    for (let i = 0; i < steps.length; i += every) context.fillText(String(steps[i]), left + (i + 0.5) * slot, y + 12);
  }

  private clicked(event: MouseEvent): void {
    const cell = this.cellAt(event);
    if (cell) this.goTo(cell.rank, cell.column);
  }

  private goTo(rank: number, column: number): void {
    const { store } = this;
    store.goToRank(rank, false);
    const step = store.run.stepIndex(this.times.steps[column]);
    if (step >= 0) store.goToStep(step);
  }

  // For tests.
  placeOf(what: number | string): [number, number] | null {
    const [rank, step] = String(what).split(".").map(Number);
    const { steps } = this.times;
    return [left + ((steps.indexOf(step) + 0.5) / steps.length) * (this.width - left), (rank + 0.5) * this.rowHeight];
  }

  private hover(event: PointerEvent): void {
    const cell = this.cellAt(event);
    if (!cell || cell.column < 0) return hideTip();
    const { rank, column } = cell;
    const { ranks } = this.store;
    const of = (measure: Measure) => rankTimes(ranks, measure).of[rank][column];
    const ratio = this.times.ratio[rank][column];
    showTip(event, [`${ranks.all[rank].name}, step ${this.times.steps[column]}`,
      `step ${known(of("step"), time)}`, `own ops ${known(of("own"), time)}`,
      ...(ratio === null ? [] : [`${(100 * ratio).toFixed(0)} % of the ranks' median`])]);
  }

  onKey(event: KeyboardEvent): boolean {
    const { store } = this;
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      store.goToRank(store.state.rank + (event.key === "ArrowUp" ? -1 : 1));
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      store.goToStep(store.state.step + (event.key === "ArrowLeft" ? -1 : 1));
    } else return false;
    return true;
  }
}
