// What of the graph is seen: which groups are open, and where boxes and lines are
// then. It knows nothing of the canvas that shows a part of it.

import { backwardRect, forwardRect } from "./graph_draw";
import { Edge, GraphEdges, shownItem } from "./graph_edges";
import type { Item } from "./graph_item";
import { Box, layoutGraph } from "./graph_layout";
import { routeEdges } from "./graph_lines";
import { heightsOf } from "./graph_measures";
import { GraphModel, buildGraph } from "./graph_model";
import { Source, sourceOfStep } from "./graph_source";
import { sourceOfAll } from "./graph_union";
import { none } from "../run/run";
import { Store } from "../store";

export type Hit = { box: Box; backward: boolean } | null;

const headHeight = 30; // of an open box: what is below is its content

export class GraphScene {
  model: GraphModel | null = null;
  boxes: Box[] = []; // anew with each layout
  edges: Edge[] = [];
  private modelOf = "";
  private source: { of: string; source: Source } | null = null;
  private graphEdges: GraphEdges | null = null;
  private open = new Set<string>();
  private openOf: string[] | null = null; // the choice that it follows
  private boxOfItem = new Map<Item, Box>();
  private sizedBy = "";

  constructor(private store: Store) {}

  // The state has changed.
  update(): void {
    const { step, graph } = this.store.state;
    const of = graph.all ? "all" : String(step);
    const wanted = [of, graph.level, graph.merge].join();
    if (wanted !== this.modelOf) {
      this.modelOf = wanted;
      if (this.source?.of !== of) {
        this.source = { of, source: graph.all ? sourceOfAll(this.store.run) : sourceOfStep(this.store.run, step) };
      }
      this.model = buildGraph(this.store.run, this.source.source, graph);
      this.graphEdges = new GraphEdges(this.store.run, this.model);
    } else if (this.sizedBy === graph.size && this.openOf === graph.open) return;
    this.openChosen();
    this.layout();
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
    this.boxOfItem = new Map(this.boxes.map((box) => [box.item, box]));
    routeEdges(this.edges, this.boxes, this.boxOfItem);
  }

  toggle(item: Item): void {
    if (!this.open.delete(item.key)) this.open.add(item.key);
    this.layout();
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
    this.noteOpen();
  }

  boxOf(item: Item): Box | undefined {
    return this.boxOfItem.get(item);
  }

  boxOfKey(key: number | string | null): Box | undefined {
    return this.boxes.find(({ item }) => item.key === key);
  }

  // How far to the right and down there are boxes.
  get extent(): [right: number, bottom: number] {
    return this.boxes.reduce(([right, bottom], { x, y, width, height }) =>
      [Math.max(right, x + width), Math.max(bottom, y + height)], [1, 1]);
  }

  itemOfSelection(): Item | null {
    const { run, state: { selection } } = this.store;
    if (!this.model) return null;
    if (selection.kind === "module") {
      return this.model.items.find(({ kind, module }) => kind === "module" && module === selection.module) ?? null;
    }
    const span = selection.kind === "span" ? selection.span
      : selection.kind === "allocation" ? run.allocations.span[selection.allocation] : none;
    const at = span === none ? none : this.model.source.positionOf(span);
    return at === none ? null : this.model.itemAt[at];
  }

  // Opens what hides the selection; its box, or that of what stands for it.
  reveal(): Box | undefined {
    const item = this.itemOfSelection();
    if (!item) return undefined;
    const before = this.open.size;
    for (let up = item.parent; up?.parent; up = up.parent) this.open.add(up.key);
    if (this.open.size > before) this.layout();
    return this.boxOfItem.get(shownItem(item, this.open));
  }

  // What is at a point of the picture.
  hitAt([x, y]: [number, number]): Hit {
    for (let i = this.boxes.length - 1; i >= 0; --i) {
      const box = this.boxes[i];
      if (x < box.x || x > box.x + box.width || y < box.y || y > box.y + box.height) continue;
      if (box.open) return y < box.y + headHeight ? { box, backward: false } : null;
      const inside = ([left, , width]: [number, number, number, number]) => x >= left && x <= left + width;
      if (box.item.hasForward && inside(forwardRect(box))) return { box, backward: false };
      if (box.item.nodeCount && inside(backwardRect(box))) return { box, backward: true };
    }
    return null;
  }
}
