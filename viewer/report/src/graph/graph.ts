// The graph of a step, or of all in one: opened and closed by click, moved and
// zoomed.

import { Draw, hideTip, showTip } from "../widgets/canvas";
import { Colours } from "./graph_colour";
import { Look, drawBox, drawFocus, drawHead, spanOf } from "./graph_draw";
import { Edge } from "./graph_edges";
import type { Item } from "./graph_item";
import { isArrow, nextBox } from "./graph_keys";
import { Box, leaf } from "./graph_layout";
import { drawEdge } from "./graph_lines";
import { Minimap } from "./graph_minimap";
import { GraphModel, oftenTexts } from "./graph_model";
import { GraphScene, Hit } from "./graph_scene";
import { GraphStates } from "./graph_states";
import { tipLines } from "./graph_tip";
import { PanCanvas } from "../widgets/pancanvas";
import { Selection, State, Store } from "../store";
import { Theme } from "../widgets/theme";

const mostShapes = 4000; // of a frame
const margin = 24;

export class GraphCanvas extends PanCanvas {
  private scene: GraphScene;
  private states: GraphStates;
  private place: State["place"] | undefined; // that is shown
  private shownWidth = 0;
  private shownSelection: Selection | null = null;
  private hovered: Hit = null;
  private hit: Item | null = null; // that was selected by the last click
  private focus: string | null = null; // key of the box at which keys are
  private byKeys = false; // it is shown only to those who use them
  private look: Look | null = null;
  private lookOf: unknown[] = [];
  private tip: { of: unknown[]; lines: string[] } = { of: [], lines: [] };
  readonly minimap = new Minimap();

  constructor(private store: Store) {
    super("graph");
    this.scene = new GraphScene(store);
    this.states = new GraphStates(store);
  }

  get model(): GraphModel | null {
    return this.scene.model;
  }

  get boxes(): Box[] {
    return this.scene.boxes;
  }

  get edges(): Edge[] {
    return this.scene.edges;
  }

  // The state has changed.
  update(): void {
    this.scene.update();
    const { selection } = this.store.state;
    if (selection !== this.shownSelection) {
      this.shownSelection = selection;
      this.reveal();
    }
    this.redraw();
  }

  // What is drawn, by key: for tests.
  get shownKeys(): string[] {
    return this.boxes.map(({ item }) => item.key);
  }

  // A point of an item's box, by its key.
  placeOf(key: number | string): [number, number] | null {
    const box = this.scene.boxOfKey(key);
    if (!box) return null;
    const x = box.x + (box.open ? 20 : 40), y = box.y + (box.open ? 14 : box.height / 2);
    return [x * this.scale + this.origin[0], y * this.scale + this.origin[1]];
  }

  // How far a side of a box is lit, by the key of its item: for tests.
  stateOf(key: string, backward: boolean): number {
    const box = this.scene.boxOfKey(key);
    return box && this.model ? this.states.of(this.model)(box.item, backward) : NaN;
  }

  toggle(item: Item): void {
    if (item.children.length === 0) return;
    const before = this.scene.boxOf(item);
    this.scene.toggle(item);
    // What was clicked stays where it is.
    const after = this.scene.boxOf(item);
    if (before && after) this.moveBy((before.x - after.x) * this.scale, (before.y - after.y) * this.scale);
  }

  openAll(depth: number): void {
    this.scene.openAll(depth);
    this.fit();
  }

  fit(): void {
    const [right, bottom] = this.scene.extent;
    // Legible before complete: what is too tall is shown from the top.
    this.scale = Math.min(1.15, Math.max(0.55, Math.min((this.width - 2 * margin) / right, (this.height - 2 * margin) / bottom)));
    this.origin = [(this.width - right * this.scale) / 2, margin];
    if (bottom * this.scale < this.height) this.origin[1] = (this.height - bottom * this.scale) / 2;
    this.note(null);
    this.redraw();
  }

  // What is in the middle, and the scale, are in the link.
  protected moved(): void {
    const { width, height, origin, scale } = this;
    this.note([(width / 2 - origin[0]) / scale, (height / 2 - origin[1]) / scale, scale]);
  }

  private note(place: State["place"]): void {
    this.place = place;
    if (place || this.store.state.place) this.store.note({ place });
  }

  // To the place of the link; without one all of it, or the selection.
  private goToPlace(): void {
    const { place } = this.store.state;
    if (!place) {
      this.fit();
      return this.reveal();
    }
    this.place = place;
    this.scale = this.scaleOf(place[2]);
    this.origin = [this.width / 2 - place[0] * this.scale, this.height / 2 - place[1] * this.scale];
  }

  // Opens what hides the selection and brings it into sight.
  private reveal(): void {
    const box = this.scene.reveal();
    if (box) this.show(box);
  }

  // Brings a box into sight.
  private show(box: Box): void {
    if (this.width === 0 || this.store.state.place !== this.place) return; // the link says where
    const x = box.x * this.scale + this.origin[0], y = box.y * this.scale + this.origin[1];
    if (x >= 0 && y >= 0 && x + 100 <= this.width && y + 40 <= this.height) return;
    this.origin = [this.width / 2 - (box.x + Math.min(box.width, leaf.width) / 2) * this.scale,
                   this.height / 3 - box.y * this.scale];
    this.moved();
  }

  // The panel has opened: what it would hide of a box that was clicked moves to the left.
  private makeWay(): void {
    const item = this.scene.itemOfSelection();
    const box = item && this.scene.boxOf(item);
    const before = this.shownWidth;
    this.shownWidth = this.width;
    if (!box || this.width >= before) return;
    const left = box.x * this.scale + this.origin[0], right = left + Math.min(box.width, leaf.width) * this.scale;
    const by = Math.min(right + margin - this.width, left - margin);
    if (by > 0 && left < before) this.moveBy(-by, 0);
  }

  // What does not change while one moves and zooms.
  private lookNow(theme: Theme): Look {
    const { run, state } = this.store;
    const model = this.model!;
    const of = [model, theme, this.boxes, ...Object.values(state.graph)];
    if (!this.look || of.some((each, i) => each !== this.lookOf[i])) {
      this.lookOf = of;
      const { source } = model;
      const often = source.ran && oftenTexts(model);
      this.look = {
        run, source, theme, scale: 1, choices: state.graph, labels: [], state: () => -1,
        colours: new Colours(theme, run, source, state.graph, this.boxes),
        often: (item) => often?.[item.id] ?? "",
      };
    }
    return Object.assign(this.look, { scale: this.scale, labels: [], state: this.states.of(model) });
  }

  // The colours of what is drawn; null: nothing is yet.
  colours(theme: Theme): Colours | null {
    return this.model ? this.lookNow(theme).colours : null;
  }

  protected draw(context: Draw, theme: Theme): void {
    if (!this.model) return;
    if (this.place === undefined || this.store.state.place !== this.place) this.goToPlace();
    this.makeWay();
    const look = this.lookNow(theme);
    context.save();
    context.translate(...this.origin);
    context.scale(this.scale, this.scale);
    const [left, top] = [-this.origin[0] / this.scale, -this.origin[1] / this.scale];
    const [right, bottom] = [left + this.width / this.scale, top + this.height / this.scale];
    const isSeen = ({ x, y, width, height }: Box) =>
      x < right && x + width > left && y < bottom && y + height > top;
    for (const box of this.boxes) if (box.open && isSeen(box)) { drawBox(context, look, box); ++this.shapes; }
    this.drawEdges(context, look, [left, top, right, bottom]);
    for (const box of this.boxes) if (box.open && isSeen(box)) drawHead(context, look, box);
    for (const box of this.boxes) if (!box.open && isSeen(box)) { drawBox(context, look, box); ++this.shapes; }
    const focused = this.byKeys && this.scene.boxOfKey(this.focus);
    if (focused) drawFocus(context, theme, focused);
    context.restore();
    this.minimap.draw(context, theme, this.boxes, { left, top, right, bottom, width: this.width, height: this.height });
  }

  private drawEdges(context: Draw, look: Look, [left, top, right, bottom]: number[]): void {
    const { hovered, scene } = this;
    for (const edge of this.edges) {
      const from = scene.boxOf(edge.from), to = scene.boxOf(edge.to);
      if (!from || !to) continue;
      if (Math.max(from.x + from.width, to.x + to.width) < left || Math.min(from.x, to.x) > right) continue;
      if (Math.max(from.y + from.height, to.y + to.height) < top || Math.min(from.y, to.y) > bottom) continue;
      const isEnd = (box: Box, backward: boolean) =>
        (hovered?.box === box && hovered.backward === backward) || look.state(box.item, backward) === 2;
      const strong = isEnd(from, edge.kind === "gradient" || edge.kind === "update") ||
        isEnd(to, edge.kind === "gradient" || edge.kind === "saved");
      // What was saved for the backward pass would hide the rest.
      if (!strong && (edge.kind === "saved" || edge.kind === "update")) continue;
      drawEdge(context, look, edge, from, to, strong);
      if (++this.shapes > mostShapes) return;
    }
  }

  private hitAt(event: MouseEvent): Hit {
    if (this.minimap.pointAt(event.offsetX, event.offsetY)) return null;
    return this.scene.hitAt(this.pointOf(event));
  }

  protected clicked(event: MouseEvent): void {
    const there = this.minimap.pointAt(event.offsetX, event.offsetY);
    if (there) {
      const [x, y] = this.pointOf(event);
      const middle = [(this.width / 2 - event.offsetX) / this.scale, (this.height / 2 - event.offsetY) / this.scale];
      return this.moveBy((x + middle[0] - there[0]) * this.scale, (y + middle[1] - there[1]) * this.scale);
    }
    const hit = this.hitAt(event);
    this.hit = null;
    if (!hit) return;
    const { item } = hit.box;
    const arrow = this.pointOf(event)[0] - hit.box.x < 24;
    if (item.children.length && (arrow || isSeveral(item))) return this.toggle(item);
    if (isSeveral(item)) return;
    [this.focus, this.byKeys, this.hit] = [item.key, false, item];
    this.selectSide(item, hit.backward);
  }

  protected clickedTwice(): void {
    if (this.hit) this.toggle(this.hit);
  }

  protected hover(event: PointerEvent): void {
    const hit = this.hitAt(event);
    if (hit?.box !== this.hovered?.box || hit?.backward !== this.hovered?.backward) {
      this.hovered = hit;
      this.redraw();
    }
    this.element.style.cursor = hit ? "pointer" : "grab";
    if (!hit) return hideTip();
    const of = [this.model, hit.box.item, hit.backward];
    if (of.some((each, i) => each !== this.tip.of[i])) {
      const lines = tipLines(this.lookNow(this.look!.theme), this.model!, hit.box.item, hit.backward);
      this.tip = { of, lines };
    }
    showTip(event, this.tip.lines);
  }

  onKey(event: KeyboardEvent): boolean {
    const [x, y] = [this.width / 2, this.height / 2];
    const { key } = event;
    switch (key) {
      case "w": case "+": this.zoomBy(1.3, x, y); return true;
      case "s": case "-": this.zoomBy(1 / 1.3, x, y); return true;
      case "0": this.fit(); return true;
      case "Enter": case " ": {
        const box = this.focusBox();
        if (box) this.toggle(box.item);
        return true;
      }
      default: return isArrow(key) && this.move(key);
    }
  }

  // Where the keys are: at what arrows went to last, else at the selection.
  private focusBox(): Box | null {
    const item = this.scene.itemOfSelection();
    return this.scene.boxOfKey(this.focus) ?? (item && this.scene.boxOf(item)) ?? null;
  }

  private move(key: string): boolean {
    const box = nextBox(this.boxes, this.focusBox(), key);
    if (!box) return true;
    [this.focus, this.byKeys] = [box.item.key, true];
    this.show(box);
    if (!isSeveral(box.item)) this.selectSide(box.item, false);
    this.redraw();
    return true;
  }

  private selectSide(item: Item, backward: boolean): void {
    // It need not be searched for.
    const selection: Selection = item.kind === "module" ? { kind: "module", module: item.module }
      : { kind: "span", span: spanOf(item, this.model!.source, backward) };
    this.shownSelection = selection;
    this.store.select(selection, { step: this.store.state.step });
  }
}

function isSeveral({ kind }: Item): boolean {
  return kind === "group" || kind === "fold" || kind === "merged";
}
