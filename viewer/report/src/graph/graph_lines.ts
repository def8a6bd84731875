// Draws the edges of the graph: data flows down, gradients flow up. What would
// cross boxes goes around them.

import { Draw, smallFont, textWidth } from "../widgets/canvas";
import { Look, Rect, backwardRect, forwardRect } from "./graph_draw";
import type { Edge } from "./graph_edges";
import type { Item } from "./graph_item";
import type { Box } from "./graph_layout";

// Where edges leave and enter a box.
function port(box: Box, backward: boolean, top: boolean): [number, number] {
  if (box.open) return [box.x + (backward ? 0.75 : 0.25) * box.width, top ? box.y : box.y + box.height];
  const [x, y, width, height] = backward ? backwardRect(box) : forwardRect(box);
  return [x + width / 2, top ? y : y + height];
}

function ends(edge: Edge, from: Box, to: Box): [number, number, number, number] {
  const down = from.y < to.y;
  const [x1, y1] = port(from, edge.kind === "gradient" || edge.kind === "update", !down);
  const [x2, y2] = port(to, edge.kind === "gradient" || edge.kind === "saved", down);
  return [x1, y1, x2, y2];
}

// For each edge where it passes what is between its ends: data on the left,
// gradients on the right.
export function routeEdges(edges: Edge[], boxes: Box[], boxOf: Map<Item, Box>): void {
  const leaves = boxes.filter(({ open }) => !open).sort((a, b) => a.y - b.y);
  const tallest = leaves.reduce((most, { height }) => Math.max(most, height), 0);
  let routed = 0;
  for (const edge of edges) {
    const from = boxOf.get(edge.from), to = boxOf.get(edge.to);
    edge.side = null;
    if (!from || !to || edge.kind === "saved" || edge.kind === "update") continue;
    const [x1, y1, x2, y2] = ends(edge, from, to);
    const [top, bottom] = [Math.min(y1, y2), Math.max(y1, y2)];
    // Side by side, and inside of the group that the boxes are in.
    const lane = 5 + 3 * (routed++ % 3);
    if (bottom - top < 40) continue;
    for (let i = firstFrom(leaves, top - tallest); i < leaves.length && leaves[i].y <= bottom; ++i) {
      const box = leaves[i];
      if (box === from || box === to || box.y + box.height < top) continue;
      const x = x1 + ((box.y + box.height / 2 - y1) / (y2 - y1)) * (x2 - x1);
      if (x < box.x - 8 || x > box.x + box.width + 8) continue;
      edge.side = edge.kind === "gradient" ? Math.max(edge.side ?? -Infinity, box.x + box.width + lane)
        : Math.min(edge.side ?? Infinity, box.x - lane);
    }
  }
}

// The first of boxes sorted by y that is not above a line.
function firstFrom(boxes: Box[], y: number): number {
  let low = 0, high = boxes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (boxes[middle].y < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

function trace(context: Draw, [x1, y1, x2, y2]: [number, number, number, number], side: number | null): void {
  const turn = (y1 < y2 ? 1 : -1) * Math.min(Math.abs(y2 - y1) / 2, 34);
  context.beginPath();
  context.moveTo(x1, y1);
  if (side === null) return context.bezierCurveTo(x1, y1 + turn, x2, y2 - turn, x2, y2);
  context.bezierCurveTo(x1, y1 + turn * 0.7, side, y1 + turn * 0.3, side, y1 + turn);
  context.lineTo(side, y2 - turn);
  context.bezierCurveTo(side, y2 - turn * 0.3, x2, y2 - turn * 0.7, x2, y2);
}

function overlap([x, y, width, height]: Rect, [x2, y2, width2, height2]: Rect): boolean {
  return x < x2 + width2 && x2 < x + width && y < y2 + height2 && y2 < y + height;
}

// Where there is room for it, right or left of the arrow.
function drawLabel(context: Draw, look: Look, text: string, x: number, y: number, strong: boolean): void {
  context.font = smallFont;
  const width = textWidth(context, text);
  for (const left of [x + 7, x - 7 - width]) {
    const rect: Rect = [left - 2, y - 7, width + 4, 14];
    if (look.labels.some((taken) => overlap(taken, rect))) continue;
    look.labels.push(rect);
    context.globalAlpha = 1;
    context.textAlign = "left";
    context.fillStyle = strong ? look.theme.accent : look.theme.muted;
    context.fillText(text, left, y);
    return;
  }
}

export function drawEdge(context: Draw, look: Look, edge: Edge, from: Box, to: Box, strong: boolean): void {
  const { theme, scale, run, source } = look;
  const gradient = edge.kind === "gradient";
  const line = ends(edge, from, to);
  const [, y1, x2, y2] = line;
  const down = y1 < y2;
  const ran = source.ran && edge.sets ? source.ran.sets.count(edge.sets) : 0;
  const isRare = source.ran !== null && ran < source.ran.steps;
  context.strokeStyle = strong ? theme.accent : gradient ? theme.backward : theme.muted;
  context.fillStyle = context.strokeStyle;
  context.globalAlpha = strong ? 1 : edge.side === null ? 0.7 : 0.4;
  context.lineWidth = strong ? 2 : 1.2;
  context.setLineDash(edge.kind === "saved" || edge.kind === "update" ? [5, 3] : isRare ? [2, 3] : []);
  trace(context, line, edge.side);
  context.stroke();
  context.setLineDash([]);
  const tip = down ? -7 : 7;
  context.beginPath();
  context.moveTo(x2, y2);
  context.lineTo(x2 - 4, y2 + tip);
  context.lineTo(x2 + 4, y2 + tip);
  context.fill();
  const shape = gradient ? "" : /\[(.*)\]/.exec(run.facts.texts[edge.type])?.[1].split(", ").join("\u00d7") ?? "";
  const text = [shape, isRare ? `${ran}/${source.ran!.steps}` : ""].filter(Boolean).join("  ");
  if (text && scale >= 0.7 && (edge.side === null || strong || isRare) && Math.abs(y2 - y1) >= 20) {
    drawLabel(context, look, text, x2, y2 + 2 * tip, strong);
  }
  context.globalAlpha = 1;
  context.lineWidth = 1;
}
