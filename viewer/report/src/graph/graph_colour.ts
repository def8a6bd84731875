// The colours of boxes, and what they mean.

import type { GraphChoices, Measure } from "./graph_choices";
import type { Item } from "./graph_item";
import type { Box } from "./graph_layout";
import { Side, measureOf, measureText } from "./graph_measures";
import type { Source } from "./graph_source";
import { families, familyOf } from "./layer_family";
import { inkOn, palettes, rampAt } from "../widgets/palettes";
import { Run, none } from "../run/run";
import { Theme, isDark, kindNames } from "../widgets/theme";

export interface Paint {
  strip: string; // at its left edge
  fill: string | null; // null: that of a card
  opacity: number; // of the fill
  ink: string | null; // of text on it; null: the usual
}

// The kinds of a theme by the colours of a palette.
const kindColours: { [kind: string]: number } =
  { layer: 0, product: 1, tensor: 2, memory: 3, backward: 4, custom: 5 };

export class Colours {
  private ramp: string[];
  private kinds: string[];
  // The largest amount of a closed box, which has the end of the ramp.
  private most = 0;

  constructor(private theme: Theme, private run: Run, private source: Source,
              private choices: GraphChoices, boxes: Box[]) {
    const { ramp, kinds } = palettes[choices.palette];
    this.ramp = isDark() ? ramp : [...ramp].reverse();
    this.kinds = kinds;
    const { measure } = this;
    if (!measure) return;
    for (const { open, item } of boxes) {
      if (open) continue;
      for (const side of [0, 1] as Side[]) this.most = Math.max(this.most, measureOf(item, measure, side) ?? 0);
    }
  }

  private get measure(): Measure | null {
    const { colour } = this.choices;
    return colour === "kind" || colour === "type" ? null : colour;
  }

  private ofKind(kind: string): string {
    const index = kindColours[kind];
    return this.choices.palette === "okabe" || index === undefined
      ? this.theme.kinds[kind] ?? this.theme.faint : this.kinds[index];
  }

  private ofFamily(family: number): string {
    if (family >= 0 && family < this.kinds.length) return this.kinds[family];
    return family < 0 ? this.theme.faint : families[family].name === "loss" ? this.theme.text : this.theme.muted;
  }

  private kindOf(item: Item, side: Side): string {
    if (side) return "backward";
    if (item.at === none) return "module";
    const { kind, class: name } = this.run.operator(this.source.span[item.at]);
    return kind === "op" ? name : kind;
  }

  // Paler where there is little, so that it is the most that is seen first.
  private rampAt(part: number): string {
    return rampAt([this.theme.card, rampAt(this.ramp, part)], 0.35 + 0.65 * part);
  }

  // What holds other modules is no layer, whatever it is called.
  private familyOf(item: Item): number {
    if (item.kind === "fold") return this.familyOf(item.children[0]);
    return item.kind === "module" && this.run.moduleChildren[item.module].length > 0 ? -1 : familyOf(item.type);
  }

  of(item: Item, side: Side): Paint {
    const { measure } = this;
    if (measure) {
      const amount = measureOf(item, measure, side);
      if (!amount || this.most <= 0) return { strip: this.theme.faint, fill: null, opacity: 1, ink: null };
      const fill = this.rampAt(Math.sqrt(amount / this.most));
      return { strip: fill, fill, opacity: 1, ink: inkOn(fill) };
    }
    if (this.choices.colour === "type") {
      const family = this.familyOf(item);
      const strip = this.ofFamily(family);
      return { strip, fill: family < 0 ? null : strip, opacity: side ? 0.12 : 0.22, ink: null };
    }
    const kind = this.kindOf(item, side);
    const strip = this.ofKind(kind);
    return { strip, fill: kind === "module" ? null : strip, opacity: 0.1, ink: null };
  }

  // What colours mean: names with their colours, or a ramp between amounts.
  legend(boxes: Box[]): { names: [text: string, colour: string][]; ramp: string[] | null; ends: [string, string] } {
    const { measure } = this;
    if (measure) {
      const ramp = Array.from({ length: 9 }, (_, i) => this.rampAt(i / 8));
      return { names: [], ramp, ends: ["0", measureText(measure, this.most)] };
    }
    const seen = new Set<string | number>();
    for (const { item, open } of boxes) {
      if (this.choices.colour === "type") { if (!open) seen.add(this.familyOf(item)); }
      else {
        if (item.hasForward || open) seen.add(this.kindOf(item, 0));
        if (item.nodeCount) seen.add("backward");
      }
    }
    const names: [string, string][] = this.choices.colour === "type"
      ? [...families.map(({ name }, i): [number, string] => [i, name]), [-1, "other, or several"] as [number, string]]
        .filter(([i]) => seen.has(i)).map(([i, name]) => [name, this.ofFamily(i)])
      : kindNames.filter(([kind]) => seen.has(kind))
        .map(([kind, text]) => [kind === "module" ? "module, group" : text, this.ofKind(kind)]);
    return { names, ramp: null, ends: ["", ""] };
  }
}
