// Draws the edges of the graph: data flows down, gradients flow up. What would
// cross boxes goes around them.

import { Draw, smallFont } from "./canvas";
import { Look, backwardRect, forwardRect } from "./graph_draw";
import type { Edge } from "./graph_edges";
import type { Box } from "./graph_layout";
import type { Item } from "./graph_model";

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
  const leaves = boxes.filter(({ open }) => !open);
  for (const edge of edges) {
    const from = boxOf.get(edge.from), to = boxOf.get(edge.to);
    edge.side = null;
    if (!from || !to || edge.kind === "saved" || edge.kind === "update") continue;
    const [x1, y1, x2, y2] = ends(edge, from, to);
    const [top, bottom] = [Math.min(y1, y2), Math.max(y1, y2)];
    if (bottom - top < 40) continue;
    for (const box of leaves) {
      if (box === from || box === to || box.y > bottom || box.y + box.height < top) continue;
      const x = x1 + ((box.y + box.height / 2 - y1) / (y2 - y1)) * (x2 - x1);
      if (x < box.x - 8 || x > box.x + box.width + 8) continue;
      edge.side = edge.kind === "gradient" ? Math.max(edge.side ?? -Infinity, box.x + box.width + 14)
        : Math.min(edge.side ?? Infinity, box.x - 14);
    }
  }
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

export function drawEdge(context: Draw, look: Look, edge: Edge, from: Box, to: Box, strong: boolean): void {
  const { theme, scale, run } = look;
  const gradient = edge.kind === "gradient";
  const line = ends(edge, from, to);
  const [, y1, x2, y2] = line;
  const down = y1 < y2;
  context.strokeStyle = strong ? theme.accent : gradient ? theme.backward : theme.muted;
  context.fillStyle = context.strokeStyle;
  context.globalAlpha = strong ? 1 : edge.side === null ? 0.6 : 0.35;
  context.lineWidth = strong ? 2 : 1.2;
  context.setLineDash(edge.kind === "saved" || edge.kind === "update" ? [5, 3] : []);
  trace(context, line, edge.side);
  context.stroke();
  context.setLineDash([]);
  const tip = down ? -7 : 7;
  context.beginPath();
  context.moveTo(x2, y2);
  context.lineTo(x2 - 4, y2 + tip);
  context.lineTo(x2 + 4, y2 + tip);
  context.fill();
  const shape = /\[.*\]/.exec(run.facts.texts[edge.type])?.[0];
  if (shape && scale >= 0.8 && !gradient && (edge.side === null || strong) && Math.abs(y2 - y1) >= 20) {
    context.font = smallFont;
    context.fillStyle = strong ? theme.accent : theme.muted;
    context.globalAlpha = 1;
    // The second one goes to the other side, for more there is no room.
    const place = `${x2} ${y2}`, taken = look.labels.get(place) ?? 0;
    look.labels.set(place, taken + 1);
    context.textAlign = taken === 0 ? "left" : "right";
    const text = shape.slice(1, -1).split(", ").join("\u00d7");
    if (taken < 2) context.fillText(text, x2 + (taken === 0 ? 7 : -7), y2 + 1.7 * tip);
  }
  context.globalAlpha = 1;
  context.lineWidth = 1;
}
