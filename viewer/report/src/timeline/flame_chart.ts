// The time of a step as a flame graph: below each module those inside of it and
// its ops, each as wide as its share of the time. A strip says how much of that
// was forward, and how much backward.

import { Canvas, Draw, fitText, hideTip, showTip, smallFont } from "../widgets/canvas";
import { shortName, typeName } from "../widgets/dom";
import { FlameNode, flameOf, totalNs } from "./flame_tree";
import { inkOn } from "../widgets/palettes";
import { none } from "../run/run";
import { Store } from "../store";
import { Theme } from "../widgets/theme";
import { plural, share, time } from "../widgets/units";

const rowHeight = 24, strip = 3, top = 8, side = 8;

interface Box {
  node: FlameNode;
  x: number;
  y: number;
  width: number;
}

export class FlameChart extends Canvas {
  private boxes: Box[] = []; // as drawn
  private hit: FlameNode | null = null; // what was clicked last
  private at = ""; // the key of the box that keys go on from

  constructor(private store: Store) {
    super("time of the step by module");
    this.element.addEventListener("pointermove", (event) => this.hover(event));
    this.element.addEventListener("click", (event) => { if (event.detail < 2) this.clicked(event); });
    // The first click may have made the page lay out anew.
    this.element.addEventListener("dblclick", () => this.zoomTo(this.hit));
  }

  private get root(): FlameNode {
    return flameOf(this.store.run, this.store.state.step);
  }

  // What is as wide as the chart: the step, or the module that was zoomed to.
  private get zoomed(): FlameNode {
    const { store, root } = this;
    const module = store.run.moduleIndex.get(store.state.flame ?? "") ?? none;
    return (module !== none && find(root, (node) => node.module === module && node.operator === none)) || root;
  }

  protected draw(context: Draw, theme: Theme): void {
    this.boxes = [];
    const { zoomed } = this;
    const above: FlameNode[] = [];
    for (let node = zoomed.parent; node; node = node.parent) above.unshift(node);
    const width = this.width - 2 * side;
    above.forEach((node, depth) => this.boxes.push({ node, x: side, y: top + depth * rowHeight, width }));
    if (totalNs(zoomed) > 0) this.place(zoomed, side, top + above.length * rowHeight, width);
    context.font = smallFont;
    context.textAlign = "left";
    if (this.boxes.length === 0) {
      context.fillStyle = theme.muted;
      context.fillText("The page has no ops of this step.", side, top + rowHeight / 2);
    }
    for (const box of this.boxes) this.drawBox(context, theme, box);
    context.globalAlpha = 1;
    context.lineWidth = 1;
  }

  // A box, and those inside of it that can be seen.
  private place(node: FlameNode, x: number, y: number, width: number): void {
    if (width < 1) return;
    this.boxes.push({ node, x, y, width });
    let left = x;
    for (const child of node.children) {
      const part = (width * totalNs(child)) / totalNs(node);
      this.place(child, left, y + rowHeight, part);
      left += part;
    }
  }

  private drawBox(context: Draw, theme: Theme, { node, x, y, width }: Box): void {
    const { operators } = this.store.run.facts;
    const height = rowHeight - 2, inside = Math.max(width - 1, 0.5);
    const operator = node.operator === none ? null : operators[node.operator];
    const kind = !operator ? "module" : operator.kind === "op" ? operator.class : operator.kind;
    const isLit = this.isLit(node);
    context.globalAlpha = isLit ? 1 : 0.3;
    const colour = theme.kinds[kind] ?? theme.faint;
    context.fillStyle = colour;
    context.fillRect(x, y, inside, height - strip - 1);
    const forward = (inside * node.forwardNs) / totalNs(node);
    context.fillStyle = theme.forward;
    context.fillRect(x, y + height - strip, forward, strip);
    context.fillStyle = theme.backward;
    context.fillRect(x + forward, y + height - strip, inside - forward, strip);
    ++this.shapes;
    const name = shortName(node.name);
    const text = fitText(context, `${name}  ${time(totalNs(node))}`, inside - 8);
    context.globalAlpha = 1; // what is not selected stays legible
    context.fillStyle = isLit ? inkOn(colour) : theme.muted;
    if (text) context.fillText(text, x + 4, y + (height - strip) / 2 + 0.5);
    if (!this.isSelected(node)) return;
    context.strokeStyle = theme.text;
    context.lineWidth = 1.5;
    context.strokeRect(x + 0.75, y + 0.75, Math.max(inside - 1.5, 0.5), height - 1.5);
  }

  private isLit(node: FlameNode): boolean {
    const { mask } = this.store;
    return !mask || node.spans.some((span) => mask[span] > 0) || node.children.some((child) => this.isLit(child));
  }

  private isSelected({ operator, module, name }: FlameNode): boolean {
    const { selection } = this.store.state;
    if (operator !== none) return selection.kind === "name" && selection.name === name;
    return module !== none && selection.kind === "module" && selection.module === module;
  }

  private boxAt({ offsetX, offsetY }: MouseEvent): Box | undefined {
    return this.boxes.find(({ x, y, width }) => offsetX >= x && offsetX < x + width && offsetY >= y && offsetY < y + rowHeight);
  }

  // The middle of the box of a module, by its path, and of an op in it.
  placeOf(path: string, op?: string): [number, number] | null {
    const box = this.boxes.find(({ node }) => node.module === this.store.run.moduleIndex.get(path) &&
      (op === undefined ? node.operator === none : node.operator !== none && node.name === op));
    return box ? [box.x + box.width / 2, box.y + rowHeight / 2] : null;
  }

  private hover(event: PointerEvent): void {
    const box = this.boxAt(event);
    this.element.style.cursor = box ? "pointer" : "default";
    if (box) showTip(event, this.facts(box.node));
    else hideTip();
  }

  private facts(node: FlameNode): string[] {
    const { run } = this.store;
    const { parent } = node;
    const lines = [node.operator === none && node.module !== none ? run.modulePath(node.module) : node.name];
    if (node.operator === none && node.module !== none) lines.push(typeName(run.facts.modules[node.module].type));
    lines.push(`${time(totalNs(node))} in ops, ${share(totalNs(node), totalNs(this.root))} of the step's` +
      (parent?.parent ? `, ${share(totalNs(node), totalNs(parent))} of ${parent.name}` : ""));
    lines.push(`forward ${time(node.forwardNs)}, backward ${time(node.backwardNs)}`);
    if (node.spans.length) lines.push(plural(node.spans.length, "call"));
    return lines;
  }

  private clicked(event: MouseEvent): void {
    this.hit = this.boxAt(event)?.node ?? null;
    if (this.hit) this.select(this.hit);
    else this.store.clear();
  }

  private select(node: FlameNode): void {
    this.at = node.key;
    if (node.operator !== none) this.store.select({ kind: "name", name: node.name });
    else if (node.module !== none) this.store.select({ kind: "module", module: node.module });
    else this.store.clear();
    this.redraw();
  }

  // Of an op, to its module; null: to the step.
  private zoomTo(node: FlameNode | null): void {
    const { store } = this;
    store.set({ flame: node && node.module !== none ? store.run.modulePath(node.module) : "" });
  }

  // Where the keys are: at the selection, of several boxes of it at the one that they went to last.
  private get now(): FlameNode {
    const { root } = this;
    const at = find(root, (node) => node.key === this.at);
    return at && this.isSelected(at) ? at : find(root, (node) => this.isSelected(node)) ?? at ?? root;
  }

  private move(key: string): void {
    const { now } = this;
    // Beside what is as wide as the chart nothing is drawn.
    const beside = find(now, (node) => node === this.zoomed) ? [] : now.parent!.children;
    const next = key === "ArrowDown" ? now.children[0] : key === "ArrowUp" ? now.parent
      : beside[beside.indexOf(now) + (key === "ArrowRight" ? 1 : -1)];
    if (next) this.select(next);
  }

  onKey({ key }: KeyboardEvent): boolean {
    if (key.startsWith("Arrow")) this.move(key);
    else if (key === "Enter" || key === "f") this.zoomTo(this.now);
    else if (key === "0") this.zoomTo(null);
    else return false;
    return true;
  }
}

function find(node: FlameNode, test: (node: FlameNode) => boolean): FlameNode | null {
  if (test(node)) return node;
  for (const child of node.children) {
    const found = find(child, test);
    if (found) return found;
  }
  return null;
}
