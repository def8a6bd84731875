// A canvas with time from left to right: the wheel zooms, dragging pans, with
// shift it measures. All of them show the same range and the same cursor.

import { Axis } from "./axis";
import { Canvas, Draw, font, hideTip } from "./canvas";
import { Store } from "../store";
import { Theme } from "./theme";
import { time } from "./units";

export abstract class TimeCanvas extends Canvas {
  protected axis = new Axis();
  private measure: [number, number] | null = null;

  // `fixed`: in the overview, where the wheel scrolls the page.
  constructor(label: string, protected store: Store, private fixed: boolean) {
    super(label);
    this.listen();
  }

  protected abstract clicked(event: MouseEvent): void;
  protected abstract clickedTwice(event: MouseEvent): void;
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
      const at = this.axis.time(event.offsetX);
      this.measure = event.shiftKey ? [at, at] : null;
    });
    element.addEventListener("pointermove", (event) => {
      if (event.buttons === 0) return this.hover(event);
      dragged += Math.abs(event.movementX) + Math.abs(event.movementY);
      if (dragged >= 4) this.drag(event);
    });
    element.addEventListener("click", (event) => { if (dragged < 4) this.clicked(event); });
    element.addEventListener("dblclick", (event) => { if (!this.fixed) this.clickedTwice(event); });
  }

  private drag(event: PointerEvent): void {
    hideTip();
    if (this.measure) {
      this.measure[1] = this.axis.time(event.offsetX);
      this.redraw();
    } else if (!this.fixed) {
      this.scrollBy(-event.movementY);
      this.zoomTo(this.axis.panned(event.movementX, this.all));
    }
  }

  protected drawCursor(context: Draw, theme: Theme, top: number): void {
    const { cursor } = this.store.state;
    const { axis } = this;
    if (this.measure) {
      const [a, b] = this.measure.map((at) => axis.x(at));
      context.fillStyle = theme.band;
      context.fillRect(Math.min(a, b), top, Math.abs(b - a), this.height);
      context.fillStyle = theme.text;
      context.font = font;
      context.fillText(time(Math.abs(this.measure[1] - this.measure[0])), Math.min(a, b) + 6, top + 28);
    }
    if (cursor === null || cursor < axis.from || cursor > axis.to) return;
    context.strokeStyle = theme.accent;
    context.beginPath();
    context.moveTo(axis.x(cursor), top);
    context.lineTo(axis.x(cursor), this.height);
    context.stroke();
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
      case "9": this.zoomTo(this.all); return true;
      default: return false;
    }
  }
}
