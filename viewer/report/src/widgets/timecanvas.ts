// A canvas with time from left to right: the wheel zooms, dragging pans, with
// shift it measures. All of them show the same range, cursor and measure.

import { Axis } from "./axis";
import { Canvas, Draw, font, hideTip, textWidth } from "./canvas";
import { Store } from "../store";
import { Theme } from "./theme";
import { time } from "./units";

export abstract class TimeCanvas extends Canvas {
  protected axis = new Axis();
  // `fixed`: in the overview, where the wheel scrolls the page.
  constructor(label: string, protected store: Store, private fixed: boolean) {
    super(label);
    this.listen();
  }

  protected abstract clicked(event: MouseEvent): void;
  // At what the first click hit: that may have made the page lay out anew, so that
  // something else is under the mouse by now.
  protected abstract clickedTwice(): void;
  protected abstract hover(event: PointerEvent): void;
  protected scrollBy(_pixels: number): void {}

  protected zoomTo(range: [number, number]): void {
    this.store.set({ range }, false);
  }

  private get all(): [number, number] {
    const { ranks, state } = this.store;
    return ranks.extent(state.rank);
  }

  private listen(): void {
    const { element } = this;
    let dragged = 0;
    let measuredFrom: number | null = null;
    element.addEventListener("wheel", (event) => {
      if (this.fixed && !event.ctrlKey) return;
      event.preventDefault();
      if (event.shiftKey) {
        this.scrollBy(event.deltaY);
        this.redraw();
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.zoomTo(this.axis.panned(-event.deltaX, this.all));
      } else {
        this.zoomTo(this.axis.zoomed(Math.exp(event.deltaY * 0.002), event.offsetX, this.all));
      }
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
      dragged = 0;
      element.setPointerCapture(event.pointerId);
      measuredFrom = event.shiftKey ? this.axis.time(event.offsetX) : null;
    });
    element.addEventListener("pointermove", (event) => {
      if (event.buttons === 0) return this.hover(event);
      dragged += Math.abs(event.movementX) + Math.abs(event.movementY);
      if (dragged >= 4) this.drag(event, measuredFrom);
    });
    element.addEventListener("click", (event) => { if (dragged < 4 && event.detail < 2) this.clicked(event); });
    element.addEventListener("dblclick", () => { if (!this.fixed) this.clickedTwice(); });
  }

  private drag(event: PointerEvent, measuredFrom: number | null): void {
    hideTip();
    if (measuredFrom !== null) {
      this.store.set({ measure: [measuredFrom, this.axis.time(event.offsetX)] }, false);
    } else if (!this.fixed) {
      this.scrollBy(-event.movementY);
      this.zoomTo(this.axis.panned(event.movementX, this.all));
    }
  }

  protected drawCursor(context: Draw, theme: Theme, top: number): void {
    const { cursor } = this.store.state;
    const { axis } = this;
    this.drawMeasure(context, theme, top);
    if (cursor === null || cursor < axis.from || cursor > axis.to) return;
    context.strokeStyle = theme.accent;
    context.beginPath();
    context.moveTo(axis.x(cursor), top);
    context.lineTo(axis.x(cursor), this.height);
    context.stroke();
  }

  // Its ends in the order of time; null: nothing is measured.
  get measured(): [from: number, to: number] | null {
    const { measure, cursor } = this.store.state;
    if (!measure) return null;
    const [a, b] = measure;
    const end = a === b ? cursor ?? b : b;
    return [Math.min(a, end), Math.max(a, end)];
  }

  private drawMeasure(context: Draw, theme: Theme, top: number): void {
    const { measured, axis } = this;
    if (!measured) return;
    const left = Math.max(axis.x(measured[0]), axis.left), right = Math.min(axis.x(measured[1]), axis.right);
    if (right < left) return;
    context.fillStyle = theme.band;
    context.fillRect(left, top, Math.max(right - left, 1), this.height);
    const text = time(measured[1] - measured[0]);
    context.font = font;
    context.textAlign = "left";
    const width = textWidth(context, text) + 8;
    const x = Math.min(left + 4, axis.right - width);
    context.fillStyle = theme.card;
    context.fillRect(x, top + 19, width, 18);
    context.fillStyle = theme.text;
    context.fillText(text, x + 4, top + 28);
  }

  // From the cursor, and at the next time to where it is then.
  private mark(): void {
    const { cursor, measure } = this.store.state;
    const at = cursor ?? (this.axis.from + this.axis.to) / 2;
    const begun = measure && measure[0] === measure[1] && measure[0] !== at;
    this.store.set({ cursor: at, measure: [begun ? measure[0] : at, at] }, false);
  }

  onKey(event: KeyboardEvent): boolean {
    const middle = (this.axis.left + this.axis.right) / 2;
    const fifth = (this.axis.right - this.axis.left) / 5;
    switch (event.key) {
      case "w": case "+": this.zoomTo(this.axis.zoomed(0.6, middle, this.all)); return true;
      case "s": case "-": this.zoomTo(this.axis.zoomed(1 / 0.6, middle, this.all)); return true;
      case "a": this.zoomTo(this.axis.panned(fifth, this.all)); return true;
      case "d": this.zoomTo(this.axis.panned(-fifth, this.all)); return true;
      case "0": this.store.set({ range: null }, false); return true;
      case "m": this.mark(); return true;
      case "9": this.zoomTo(this.all); return true;
      default: return false;
    }
  }
}
