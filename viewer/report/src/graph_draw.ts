// Draws the boxes of the graph: forward left, its backward right of it.

import { Draw, fitText, font, roundRect, smallFont, textWidth } from "./canvas";
import { shortName } from "./dom";
import { Box, leaf } from "./graph_layout";
import type { Item } from "./graph_model";
import { Run, none } from "./run";
import { Theme } from "./theme";
import { time } from "./units";
import { flopText } from "./work";

export interface Look {
  run: Run;
  theme: Theme;
  scale: number;
  stepNs: number;
  colourBy: "kind" | "time" | "FLOPs";
  stepFlops: number;
  labels: Map<string, number>; // how many there are at a place
  // 2: selected, 1: related or around it, 0: not; -1: nothing is selected
  state: (item: Item, backward: boolean) => number;
}

export type Rect = [x: number, y: number, width: number, height: number];

export function forwardRect({ x, y, height }: Box): Rect {
  return [x, y, leaf.forward, height];
}

export function backwardRect({ x, y, width, height }: Box): Rect {
  return [x + leaf.forward + leaf.gap, y, width - leaf.forward - leaf.gap, height];
}

function kindColour(item: Item, { run, theme }: Look): string {
  if (item.kind !== "op" || item.span === none) return theme.kinds.module;
  const { kind, class: name } = run.operator(item.span);
  return theme.kinds[kind === "op" ? name : kind] ?? theme.faint;
}

function nodeName(item: Item, run: Run): string {
  const names = new Set(item.backward.map((node) => shortName(run.operator(node).name)));
  if (item.kind === "op" && names.size === 1) return [...names][0];
  return item.backward.length === 1 ? [...names][0] : `${item.backward.length} nodes`;
}

function drawSide(
  context: Draw, look: Look, [x, y, width, height]: Rect, colour: string, texts: [string, string, string],
  [ns, flops]: [ns: number, flops: number], state: number, dashed: boolean
): void {
  const { theme, scale, stepNs, stepFlops, colourBy } = look;
  context.globalAlpha = state === 0 ? 0.35 : 1;
  roundRect(context, x, y, width, height, 5);
  context.fillStyle = theme.card;
  context.fill();
  const part = Math.min(ns / stepNs, 1);
  if (colourBy !== "kind") {
    const weight = colourBy === "time" ? part : stepFlops > 0 ? Math.min(flops / stepFlops, 1) : 0;
    context.globalAlpha *= weight === 0 ? 0 : 0.12 + 0.88 * Math.sqrt(weight);
    context.fillStyle = theme.kinds.product;
    context.fill();
    context.globalAlpha = state === 0 ? 0.35 : 1;
  }
  context.strokeStyle = state === 2 ? theme.accent : theme.faint;
  context.lineWidth = state === 2 ? 2.5 : 1;
  context.setLineDash(dashed ? [4, 3] : []);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colour;
  context.fillRect(x + 1, y + 4, 4, height - 8);
  // How much of the step it takes.
  context.fillStyle = theme.accent;
  context.fillRect(x + 8, y + height - 4, (width - 16) * part, 2);
  if (scale >= 0.45) {
    const [name, detail, amount] = texts;
    context.textAlign = "left";
    context.font = font;
    context.fillStyle = theme.text;
    context.fillText(fitText(context, name, width - 18), x + 10, y + 12);
    context.font = smallFont;
    context.fillStyle = theme.muted;
    const taken = textWidth(context, amount);
    context.fillText(amount, x + width - 8 - taken, y + 26);
    context.fillText(fitText(context, detail, width - 24 - taken), x + 10, y + 26);
  }
  context.globalAlpha = 1;
  context.lineWidth = 1;
}

// What a box says of how much it does.
function amountOf({ colourBy }: Look, ns: number, flops: number): string {
  return colourBy !== "FLOPs" ? time(ns) : flops > 0 ? flopText(flops) : "";
}

function drawClosed(context: Draw, look: Look, box: Box): void {
  const { item } = box;
  const { run } = look;
  const more = item.children.length > 0;
  const name = (more ? "\u25b8 " : "") + item.label;
  const colour = kindColour(item, look);
  const dashed = item.kind === "group";
  if (item.kind === "fold") {
    // Sheets behind it: there are several.
    const [x, y, width, height] = item.hasForward ? forwardRect(box) : backwardRect(box);
    for (const offset of [6, 3]) {
      roundRect(context, x + offset, y + offset, width, height, 5);
      context.fillStyle = look.theme.raised;
      context.fill();
      context.strokeStyle = look.theme.faint;
      context.stroke();
    }
  }
  if (item.hasForward) {
    drawSide(context, look, forwardRect(box), colour, [name, item.detail, amountOf(look, item.forwardNs, item.forwardFlops)],
             [item.forwardNs, item.forwardFlops], look.state(item, false), dashed);
  }
  if (item.backward.length) {
    const text = item.hasForward ? nodeName(item, run) : `${more ? "\u25b8 " : ""}${item.label}`;
    const detail = item.hasForward ? "backward" : item.detail;
    drawSide(context, look, backwardRect(box), look.theme.kinds.backward, [text, detail, amountOf(look, item.backwardNs, item.backwardFlops)],
             [item.backwardNs, item.backwardFlops], look.state(item, true), dashed);
    if (item.hasForward) {
      context.strokeStyle = look.theme.faint;
      context.setLineDash([2, 3]);
      context.beginPath();
      context.moveTo(box.x + leaf.forward, box.y + box.height / 2);
      context.lineTo(box.x + leaf.forward + leaf.gap, box.y + box.height / 2);
      context.stroke();
      context.setLineDash([]);
    }
  }
}

function drawOpen(context: Draw, look: Look, box: Box): void {
  const { item, x, y, width, height, depth } = box;
  const { theme } = look;
  const state = look.state(item, false);
  roundRect(context, x, y, width, height, 8);
  context.fillStyle = depth % 2 === 1 ? theme.raised : theme.card;
  context.fill();
  context.strokeStyle = state === 2 ? theme.accent : theme.faint;
  context.lineWidth = state === 2 ? 2.5 : 1;
  context.setLineDash(item.kind === "group" ? [4, 3] : []);
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1;
  if (look.scale < 0.35) return;
  const amounts = look.colourBy === "FLOPs"
    ? `${flopText(item.forwardFlops)} forward, ${flopText(item.backwardFlops)} backward`
    : `${time(item.forwardNs)} forward, ${time(item.backwardNs)} backward`;
  context.textAlign = "left";
  context.font = smallFont;
  context.fillStyle = theme.muted;
  const taken = textWidth(context, amounts);
  context.fillText(amounts, x + width - 12 - taken, y + 15);
  context.font = `600 ${font}`;
  context.fillStyle = theme.text;
  const name = fitText(context, `\u25be ${item.label}`, width - taken - 40);
  context.fillText(name, x + 12, y + 15);
  const after = textWidth(context, name);
  context.font = smallFont;
  context.fillStyle = theme.muted;
  context.fillText(fitText(context, item.detail, width - taken - after - 50), x + 22 + after, y + 15);
}

export function drawBox(context: Draw, look: Look, box: Box): void {
  if (box.open) drawOpen(context, look, box);
  else drawClosed(context, look, box);
}
