// The graph of a step, or of all in one: opened and closed by click, moved and
// zoomed.

import { Draw, hideTip, showTip } from "../widgets/canvas";
import { Colours } from "./graph_colour";
import { Look, backwardRect, drawBox, drawFocus, drawHead, forwardRect, spanOf } from "./graph_draw";
import { Edge, GraphEdges, shownItem } from "./graph_edges";
import type { Item } from "./graph_item";
import { isArrow, nextBox } from "./graph_keys";
import { Box, layoutGraph, leaf } from "./graph_layout";
import { drawEdge, routeEdges } from "./graph_lines";
import { heightsOf } from "./graph_measures";
import { Minimap } from "./graph_minimap";
import { GraphModel, buildGraph, oftenTexts } from "./graph_model";
import { Source, sourceOfStep } from "./graph_source";
import { GraphStates } from "./graph_states";
import { tipLines } from "./graph_tip";
import { sourceOfAll } from "./graph_union";
import { PanCanvas } from "../widgets/pancanvas";
import { none } from "../run/run";
import { Selection, Store } from "../store";
import { Theme } from "../widgets/theme";

type Hit = { box: Box; backward: boolean } | null;

export class GraphCanvas extends PanCanvas {
  model: GraphModel | null = null;
  boxes: Box[] = [];
  private modelOf = "";
  private source: { of: string; source: Source } | null = null;
  private graphEdges: GraphEdges | null = null;
  private open = new Set<string>();
  private openOf: string[] | null = null; // the choice that it follows
  private edges: Edge[] = [];
  private boxOf = new Map<Item, Box>();
  private sizedBy = "";
  private fitted = false;
  private shownSelection: Selection | null = null;
  private hovered: Hit = null;
  private hit: Item | null = null; // that was selected by the last click
  private focus: string | null = null; // key of the box at which keys are
  private byKeys = false; // it is shown only to those who use them
  private states: GraphStates;
  private look: Look | null = null;
  private lookOf: unknown[] = [];
  private tip: { of: unknown[]; lines: string[] } = { of: [], lines: [] };
  readonly minimap = new Minimap();

  constructor(private store: Store) {
    super("graph");
    this.states = new GraphStates(store);
  }

  // The state has changed.
  update(): void {
    const { step, selection, graph } = this.store.state;
    const of = graph.all ? "all" : String(step);
    const wanted = [of, graph.level, graph.merge].join();
    if (wanted !== this.modelOf) {
      this.modelOf = wanted;
      if (this.source?.of !== of) {
        this.source = { of, source: graph.all ? sourceOfAll(this.store.run) : sourceOfStep(this.store.run, step) };
      }
      this.model = buildGraph(this.store.run, this.source.source, graph);
      this.graphEdges = new GraphEdges(this.store.run, this.model);
      this.openChosen();
      this.layout();
    } else if (this.sizedBy !== graph.size || this.openOf !== graph.open) {
      this.openChosen();
      this.layout();
    }
    if (selection !== this.shownSelection) {
      this.shownSelection = selection;
      this.reveal();
    }
    this.redraw();
  }

  // Those of the link; at first a model that is alone.
  private openChosen(): void {
    const { open } = this.store.state.graph;
    if (open && open !== this.openOf) this.open = new Set(open);
    this.openOf = open;
    if (open || this.open.size > 0) return;
    const modules = this.model!.root.children.filter(({ kind }) => kind === "module");
    if (modules.length === 1) this.open.add(modules[0].key);
  }

  private noteOpen(): void {
    this.openOf = [...this.open];
    this.store.set({ graph: { ...this.store.state.graph, open: this.openOf } }, false);
  }

  private layout(): void {
    const { model, open } = this;
    if (!model) return;
    this.edges = this.graphEdges!.between(open);
    const { size } = this.store.state.graph;
    this.sizedBy = size;
    this.boxes = layoutGraph(model.root, this.edges, open, heightsOf(model.root, size));
    this.boxOf = new Map(this.boxes.map((box) => [box.item, box]));
    routeEdges(this.edges, this.boxes, this.boxOf);
    this.look = null;
    this.redraw();
  }

  // What is drawn, by key: for tests.
  get shownKeys(): string[] {
    return this.boxes.map(({ item }) => item.key);
  }

  // A point of an item's box, by its key.
  placeOf(key: number | string): [number, number] | null {
    const box = this.boxes.find(({ item }) => item.key === key);
    if (!box) return null;
    const x = box.x + (box.open ? 20 : 40), y = box.y + (box.open ? 14 : box.height / 2);
    return [x * this.scale + this.origin[0], y * this.scale + this.origin[1]];
  }

  // How far a side of a box is lit, by the key of its item: for tests.
  stateOf(key: string, backward: boolean): number {
    const box = this.boxes.find(({ item }) => item.key === key);
    return box && this.model ? this.states.of(this.model)(box.item, backward) : NaN;
  }

  toggle(item: Item): void {
    if (item.children.length === 0) return;
    const before = this.boxOf.get(item);
    if (!this.open.delete(item.key)) this.open.add(item.key);
    this.layout();
    // What was clicked stays where it is.
    const after = this.boxOf.get(item);
    if (before && after) this.moveBy((before.x - after.x) * this.scale, (before.y - after.y) * this.scale);
    this.noteOpen();
  }

  openAll(depth: number): void {
    this.open.clear();
    const visit = (item: Item, left: number) => {
      if (left <= 0 || item.kind === "op" || item.kind === "fold") return;
      if (item.parent) this.open.add(item.key);
      for (const child of item.children) visit(child, left - 1);
    };
    if (this.model) visit(this.model.root, depth + 1);
    this.layout();
    this.fitted = false;
    this.noteOpen();
  }

  fit(): void {
    let right = 1, bottom = 1;
    for (const { x, y, width, height } of this.boxes) {
      [right, bottom] = [Math.max(right, x + width), Math.max(bottom, y + height)];
    }
    const margin = 24;
    // Legible before complete: what is too tall is shown from the top.
    this.scale = Math.min(1.15, Math.max(0.55, Math.min((this.width - 2 * margin) / right, (this.height - 2 * margin) / bottom)));
    this.origin = [(this.width - right * this.scale) / 2, margin];
    if (bottom * this.scale < this.height) this.origin[1] = (this.height - bottom * this.scale) / 2;
    this.redraw();
  }

  private itemOfSelection(): Item | null {
    const { selection } = this.store.state;
    const { run } = this.store;
    let found: Item | null = null;
    if (!this.model) return null;
    if (selection.kind === "module") {
      const visit = (item: Item) => {
        if (item.kind === "module" && item.module === selection.module) found = item;
        else item.children.forEach(visit);
      };
      visit(this.model.root);
    }
    const span = selection.kind === "span" ? selection.span
      : selection.kind === "allocation" ? run.allocations.span[selection.allocation] : none;
    const at = span === none ? none : this.model.source.positionOf(span);
    return at === none ? found : this.model.itemAt[at];
  }

  // Opens what hides the selection and brings it into sight.
  private reveal(): void {
    const item = this.itemOfSelection();
    if (!item) return;
    for (let up = item.parent; up?.parent; up = up.parent) this.open.add(up.key);
    this.layout();
    const box = this.boxOf.get(shownItem(item, this.open));
    if (box) this.show(box);
  }

  // Brings a box into sight.
  private show(box: Box): void {
    if (this.width === 0) return;
    const x = box.x * this.scale + this.origin[0], y = box.y * this.scale + this.origin[1];
    if (x >= 0 && y >= 0 && x + 100 <= this.width && y + 40 <= this.height) return;
    this.origin = [this.width / 2 - (box.x + Math.min(box.width, leaf.width) / 2) * this.scale,
                   this.height / 3 - box.y * this.scale];
  }

  // What does not change while one moves and zooms.
  private lookNow(theme: Theme): Look {
    const { run, state } = this.store;
    const model = this.model!;
    const of = [model, theme, ...Object.values(state.graph)];
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
    if (!this.fitted) { this.fitted = true; this.fit(); this.reveal(); }
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
    const focused = this.boxes.find(({ item }) => item.key === this.focus);
    if (focused && this.byKeys) drawFocus(context, theme, focused);
    context.restore();
    this.minimap.draw(context, theme, this.boxes, { left, top, right, bottom, width: this.width, height: this.height });
  }

  private drawEdges(context: Draw, look: Look, [left, top, right, bottom]: number[]): void {
    const { hovered } = this;
    for (const edge of this.edges) {
      const from = this.boxOf.get(edge.from), to = this.boxOf.get(edge.to);
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
      if (++this.shapes > 4000) return;
    }
  }

  private hitAt(event: MouseEvent): Hit {
    if (this.minimap.pointAt(event.offsetX, event.offsetY)) return null;
    const [x, y] = this.pointOf(event);
    for (let i = this.boxes.length - 1; i >= 0; --i) {
      const box = this.boxes[i];
      if (x < box.x || x > box.x + box.width || y < box.y || y > box.y + box.height) continue;
      if (box.open) return y < box.y + 30 ? { box, backward: false } : null;
      const inside = ([left, , width]: [number, number, number, number]) => x >= left && x <= left + width;
      if (box.item.hasForward && inside(forwardRect(box))) return { box, backward: false };
      if (box.item.nodeCount && inside(backwardRect(box))) return { box, backward: true };
    }
    return null;
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
    const item = this.itemOfSelection();
    return this.boxes.find((box) => box.item.key === this.focus) ?? (item && this.boxOf.get(item)) ?? null;
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
