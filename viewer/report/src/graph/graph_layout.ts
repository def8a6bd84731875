// Places the items that can be seen: data flows down, and what is side by side
// does not depend on each other. Every group is laid out by itself; only its
// size matters to the one around it. The same graph has the same picture.

import type { Edge } from "./graph_edges";
import type { Item } from "./graph_item";

export interface Box {
  item: Item;
  x: number; y: number; width: number; height: number;
  sides: [forward: number, backward: number]; // their heights
  open: boolean;
  depth: number;
}

export const leaf = { width: 330, height: 38, forward: 176, gap: 22 };
// How high the sides of a closed box are.
export type Heights = (item: Item) => [forward: number, backward: number];

const rankGap = 30, sideGap = 26, padding = 14, headHeight = 33, mostInRow = 5;

interface Placed {
  item: Item;
  width: number; height: number;
  sides: [number, number];
  x: number; y: number; // in the group
  children: Placed[] | null; // null: closed
}

type Before = Map<Item, Set<Item>>;

interface Context {
  before: Map<Item, Before>; // by group
  open: Set<string>;
  heights: Heights;
}

// The longest way to each child from those that read nothing.
function ranksOf(children: Item[], before: Map<Item, Set<Item>>): Map<Item, number> {
  const ranks = new Map<Item, number>();
  for (const child of children) {
    let rank = 0;
    for (const maker of before.get(child) ?? []) rank = Math.max(rank, (ranks.get(maker) ?? -1) + 1);
    ranks.set(child, rank);
  }
  return ranks;
}

function depthOf(item: Item): number {
  let depth = 0;
  for (let up = item.parent; up; up = up.parent) ++depth;
  return depth;
}

// The group that holds two items, and the two of its children in which they are.
function meetingOf(a: Item, b: Item): [Item, Item, Item] | null {
  let [x, y] = [depthOf(a), depthOf(b)];
  while (a.parent !== b.parent) {
    if (x > y) [a, x] = [a.parent!, x - 1];
    else if (y > x) [b, y] = [b.parent!, y - 1];
    else [a, b] = [a.parent!, b.parent!];
  }
  return a === b || !a.parent ? null : [a.parent, a, b];
}

// Who comes before whom among the children of each group. Against the order of
// time nothing does: modules that are called twice would go in circles.
function ordersOf(edges: Edge[]): Map<Item, Before> {
  const orders = new Map<Item, Before>();
  for (const { from, to, kind } of edges) {
    if (kind === "saved") continue;
    const meeting = meetingOf(from, to);
    if (!meeting) continue;
    let [group, source, target] = meeting;
    if (kind === "gradient" && source.hasForward && target.hasForward) [source, target] = [target, source];
    if (source.order > target.order) continue;
    let before = orders.get(group);
    if (!before) orders.set(group, (before = new Map()));
    if (!before.has(target)) before.set(target, new Set());
    before.get(target)!.add(source);
  }
  return orders;
}

// Neighbours in a rank stand where what they read stands.
function sortRows(rows: Item[][], before: Map<Item, Set<Item>>): void {
  const place = new Map<Item, number>();
  const settle = (row: Item[]) => row.forEach((item, i) => place.set(item, (i + 0.5) / row.length));
  rows.forEach(settle);
  for (let sweep = 0; sweep < 3; ++sweep) {
    for (const row of rows) {
      const centre = (item: Item) => {
        const makers = [...(before.get(item) ?? [])];
        return makers.length ? makers.reduce((sum, maker) => sum + place.get(maker)!, 0) / makers.length
          : place.get(item)!;
      };
      const keyed = row.map((item) => ({ item, at: centre(item) }));
      keyed.sort((a, b) => a.at - b.at || a.item.order - b.item.order);
      row.splice(0, row.length, ...keyed.map(({ item }) => item));
      settle(row);
    }
  }
}

function layoutGroup(group: Item, context: Context): Placed {
  const before = context.before.get(group) ?? new Map<Item, Set<Item>>();
  const ranks = ranksOf(group.children, before);
  const rows: Item[][] = [];
  for (const child of group.children) (rows[ranks.get(child)!] ??= []).push(child);
  sortRows(rows, before);
  const children: Placed[] = [];
  let y = group.parent ? headHeight + padding : 0, widest = leaf.width;
  const lines: Placed[][] = [];
  for (const row of rows) {
    for (let at = 0; at < row.length; at += mostInRow) {
      const line = row.slice(at, at + mostInRow).map((item) => layoutItem(item, context));
      const width = line.reduce((sum, each) => sum + each.width + sideGap, -sideGap);
      widest = Math.max(widest, width);
      for (const each of line) each.y = y;
      y += Math.max(...line.map((each) => each.height)) + rankGap;
      lines.push(line);
      children.push(...line);
    }
  }
  const side = group.parent ? padding : 0;
  for (const line of lines) {
    let x = side + (widest - line.reduce((sum, each) => sum + each.width + sideGap, -sideGap)) / 2;
    for (const each of line) { each.x = x; x += each.width + sideGap; }
  }
  return { item: group, x: 0, y: 0, width: widest + 2 * side, height: y - rankGap + side, sides: [0, 0], children };
}

function layoutItem(item: Item, context: Context): Placed {
  if (item.children.length && context.open.has(item.key)) return layoutGroup(item, context);
  const sides = context.heights(item);
  return { item, x: 0, y: 0, width: leaf.width, height: Math.max(...sides), sides, children: null };
}

// All boxes, those around others first.
export function layoutGraph(root: Item, edges: Edge[], open: Set<string>, heights: Heights): Box[] {
  const boxes: Box[] = [];
  const put = ({ item, width, height, sides, children }: Placed, x: number, y: number, depth: number) => {
    if (item.parent) boxes.push({ item, x, y, width, height, sides, open: children !== null, depth });
    for (const child of children ?? []) put(child, x + child.x, y + child.y, depth + 1);
  };
  put(layoutGroup(root, { before: ordersOf(edges), open, heights }), 0, 0, 0);
  return boxes;
}
