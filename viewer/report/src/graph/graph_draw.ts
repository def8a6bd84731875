// Draws the boxes of the graph: forward left, its backward right of it.

import { Draw, fitText, font, roundRect, smallFont, textWidth } from "../widgets/canvas";
import { shortName } from "../widgets/dom";
import type { GraphChoices } from "./graph_choices";
import type { Colours, Paint } from "./graph_colour";
import type { Item } from "./graph_item";
import { Box, leaf } from "./graph_layout";
import { Side, measureOf, measureText } from "./graph_measures";
import type { Source } from "./graph_source";
import type { States } from "./graph_states";
import { Run, none } from "../run/run";
import { Theme } from "../widgets/theme";
import { plural } from "../widgets/units";

export interface Look {
  run: Run;
  source: Source;
  theme: Theme;
  scale: number;
  choices: GraphChoices;
  colours: Colours;
  labels: Rect[]; // of edges, that are drawn
  state: States;
  // In how many of all steps it ran; "" where it ran in all.
  often: (item: Item) => string;
}

export type Rect = [x: number, y: number, width: number, height: number];

export function forwardRect({ x, y, height, sides }: Box): Rect {
  return [x, y + (height - sides[0]) / 2, leaf.forward, sides[0]];
}

export function backwardRect({ x, y, width, height, sides }: Box): Rect {
  return [x + leaf.forward + leaf.gap, y + (height - sides[1]) / 2, width - leaf.forward - leaf.gap, sides[1]];
}

function nodeName(item: Item, { run, source }: Look): string {
  const names = new Set(item.nodes.map((node) => shortName(run.operator(source.span[node]).name)));
  return names.size === 1 ? [...names][0] : plural(item.nodeCount, "node");
}

// Its name, or its type in place of it.
function textsOf(item: Item, { label }: GraphChoices): [name: string, detail: string] {
  const isModule = item.kind === "module" || item.kind === "merged";
  return label === "type" && isModule && item.type ? [item.type, item.label] : [item.label, item.detail];
}

interface Content {
  name: string;
  detail: string;
  amount: string;
  part: number; // of the step's time
  state: number;
  isDashed: boolean;
  threw: boolean;
}

function drawSide(context: Draw, look: Look, [x, y, width, height]: Rect, paint: Paint, content: Content): void {
  const { theme, scale } = look;
  const { state } = content;
  // What is not selected stays legible: paler than its text is its colour.
  const faded = state === 0 ? 0.5 : 1;
  roundRect(context, x, y, width, height, 5);
  context.globalAlpha = faded;
  context.fillStyle = theme.card;
  context.fill();
  if (paint.fill) {
    context.globalAlpha = faded ** 3 * (scale < 0.45 ? Math.max(paint.opacity, 0.5) : paint.opacity);
    context.fillStyle = paint.fill;
    context.fill();
    context.globalAlpha = faded;
  }
  context.strokeStyle = content.threw ? theme.danger : state === 2 ? theme.accent : theme.faint;
  context.lineWidth = state === 2 || content.threw ? 2.5 : 1;
  context.setLineDash(content.isDashed ? [4, 3] : []);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = paint.strip;
  context.fillRect(x + 1, y + 4, 4, height - 8);
  // How much of the step it takes.
  context.fillStyle = paint.ink ?? theme.accent;
  context.fillRect(x + 8, y + height - 4, (width - 16) * Math.min(content.part, 1), 2);
  if (scale >= 0.45) drawTexts(context, theme, [x, y + (height - leaf.height) / 2, width, leaf.height], state === 0 ? { ...paint, ink: null } : paint, content);
  context.globalAlpha = 1;
  context.lineWidth = 1;
}

function drawTexts(context: Draw, theme: Theme, [x, y, width]: Rect, { ink }: Paint, content: Content): void {
  context.textAlign = "left";
  context.font = font;
  context.fillStyle = ink ?? theme.text;
  context.fillText(fitText(context, content.name, width - 18), x + 10, y + 12);
  context.font = smallFont;
  context.fillStyle = ink ?? theme.muted;
  const taken = textWidth(context, content.amount);
  context.fillText(content.amount, x + width - 8 - taken, y + 26);
  context.fillText(fitText(context, content.detail, width - 24 - taken), x + 10, y + 26);
}

// What a side says of how much it does.
function amountOf({ choices }: Look, item: Item, side: Side): string {
  const { colour } = choices;
  if (!(side ? item.nodeCount : item.hasForward)) return "";
  const measure = colour === "kind" || colour === "type" ? "time" : colour;
  const amount = measureOf(item, measure, side);
  return amount === null || (amount === 0 && measure !== "time") ? "" : measureText(measure, amount);
}

function drawSheets(context: Draw, { theme }: Look, [x, y, width, height]: Rect): void {
  for (const offset of [6, 3]) {
    roundRect(context, x + offset, y + offset, width, height, 5);
    context.fillStyle = theme.raised;
    context.fill();
    context.strokeStyle = theme.faint;
    context.stroke();
  }
}

function drawClosed(context: Draw, look: Look, box: Box): void {
  const { item } = box;
  const { totalNs } = look.source;
  const more = item.children.length > 0 ? "\u25b8 " : "";
  const [label, detail] = textsOf(item, look.choices);
  const often = look.often(item);
  const isDashed = item.kind === "group" || often !== "";
  const content = (side: Side, name: string, below: string): Content => ({
    name, detail: [often, below].filter(Boolean).join("  "), amount: amountOf(look, item, side),
    part: (side ? item.backward : item.forward).ns / totalNs, state: look.state(item, side === 1), isDashed,
    threw: item.threw && (side === 0 || !item.hasForward) });
  if (item.kind === "fold") drawSheets(context, look, item.hasForward ? forwardRect(box) : backwardRect(box));
  if (item.hasForward) {
    drawSide(context, look, forwardRect(box), look.colours.of(item, 0),
      content(0, more + label, item.threw ? `threw  ${detail}` : detail));
  }
  if (!item.nodeCount) return;
  drawSide(context, look, backwardRect(box), look.colours.of(item, 1), item.hasForward
    ? content(1, nodeName(item, look), "backward") : content(1, more + label, detail));
  if (!item.hasForward) return;
  context.strokeStyle = look.theme.faint;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(box.x + leaf.forward, box.y + box.height / 2);
  context.lineTo(box.x + leaf.forward + leaf.gap, box.y + box.height / 2);
  context.stroke();
  context.setLineDash([]);
}

function drawOpen(context: Draw, look: Look, box: Box): void {
  const { item, x, y, width, height, depth } = box;
  const { theme } = look;
  const state = look.state(item, false);
  roundRect(context, x, y, width, height, 8);
  context.fillStyle = depth % 2 === 1 ? theme.raised : theme.card;
  context.fill();
  context.strokeStyle = item.threw ? theme.danger : state === 2 ? theme.accent : theme.faint;
  context.lineWidth = state === 2 ? 2.5 : 1;
  context.setLineDash(item.kind === "group" ? [4, 3] : []);
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1;
}

// The name of an open box, above the edges that go in.
export function drawHead(context: Draw, look: Look, { item, x, y, width, depth }: Box): void {
  const { theme, choices } = look;
  if (look.scale < 0.35) return;
  const [label, detail] = textsOf(item, choices);
  const amounts = [amountOf(look, item, 0), amountOf(look, item, 1)];
  const text = choices.colour === "parameters" ? `${amounts[0] || "no"} parameters`
    : `${amounts[0] || "nothing"} forward, ${amounts[1] || "nothing"} backward`;
  context.textAlign = "left";
  context.font = smallFont;
  const taken = textWidth(context, text);
  const ground = depth % 2 === 1 ? theme.raised : theme.card;
  const write = (words: string, at: number, ink: string) => {
    context.fillStyle = ground;
    if (words) context.fillRect(at - 3, y + 6, textWidth(context, words) + 6, 18);
    context.fillStyle = ink;
    context.fillText(words, at, y + 15);
  };
  write(text, x + width - 12 - taken, theme.muted);
  context.font = `600 ${font}`;
  const name = fitText(context, `\u25be ${label}`, width - taken - 40);
  write(name, x + 12, theme.text);
  const after = textWidth(context, name);
  context.font = smallFont;
  const more = [look.often(item), detail].filter(Boolean).join("  ");
  write(fitText(context, more, width - taken - after - 50), x + 22 + after, theme.muted);
}

export function drawBox(context: Draw, look: Look, box: Box): void {
  if (box.open) drawOpen(context, look, box);
  else drawClosed(context, look, box);
}

// Around the box at which the keys are.
export function drawFocus(context: Draw, { accent }: Theme, { x, y, width, height }: Box): void {
  context.strokeStyle = accent;
  context.lineWidth = 1.5;
  context.setLineDash([2, 2]);
  context.strokeRect(x - 3.5, y - 3.5, width + 7, height + 7);
  context.setLineDash([]);
  context.lineWidth = 1;
}

// The span that a side of an item stands for; none: several.
export function spanOf(item: Item, source: Source, backward: boolean): number {
  const at = backward && item.firstNode !== none ? item.firstNode : item.at;
  return at === none ? none : source.span[at];
}
