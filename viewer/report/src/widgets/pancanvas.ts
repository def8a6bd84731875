// A canvas that is moved by dragging and zoomed by the wheel.

import { Canvas, hideTip } from "./canvas";

export abstract class PanCanvas extends Canvas {
  protected scale = 1;
  protected origin: [number, number] = [0, 0]; // of the picture, in pixels

  constructor(label: string) {
    super(label);
    this.listen();
  }

  protected abstract clicked(event: MouseEvent): void;
  // At what the first click hit: that may have made the page lay out anew, so that
  // something else is under the mouse by now.
  protected abstract clickedTwice(): void;
  protected abstract hover(event: PointerEvent): void;

  // Where in the picture the mouse is.
  protected pointOf(event: MouseEvent): [number, number] {
    return [(event.offsetX - this.origin[0]) / this.scale, (event.offsetY - this.origin[1]) / this.scale];
  }

  // By hand, or in place of one's hand.
  protected moved(): void {}

  protected scaleOf(wanted: number): number {
    return Math.min(3, Math.max(0.05, wanted));
  }

  protected zoomBy(factor: number, x: number, y: number): void {
    const scale = this.scaleOf(this.scale * factor);
    this.origin = [x - ((x - this.origin[0]) * scale) / this.scale, y - ((y - this.origin[1]) * scale) / this.scale];
    this.scale = scale;
    this.moved();
    this.redraw();
  }

  protected moveBy(x: number, y: number): void {
    this.origin = [this.origin[0] + x, this.origin[1] + y];
    this.moved();
    this.redraw();
  }

  private listen(): void {
    const { element } = this;
    let dragged = 0;
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.shiftKey) this.moveBy(-event.deltaX, -event.deltaY);
      else this.zoomBy(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
      dragged = 0;
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (event.buttons === 0) return this.hover(event);
      dragged += Math.abs(event.movementX) + Math.abs(event.movementY);
      if (dragged < 4) return;
      hideTip();
      this.moveBy(event.movementX, event.movementY);
    });
    element.addEventListener("click", (event) => { if (dragged < 4 && event.detail < 2) this.clicked(event); });
    element.addEventListener("dblclick", () => this.clickedTwice());
  }
}
