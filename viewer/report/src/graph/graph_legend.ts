// What colours and heights mean, and how to move.

import { make } from "../widgets/dom";
import type { GraphCanvas } from "./graph";
import { GraphChoices, measures } from "./graph_choices";
import type { Theme } from "../widgets/theme";

export function graphLegend(canvas: GraphCanvas, choices: GraphChoices, theme: Theme): Node[] {
  const legend = canvas.colours(theme)?.legend(canvas.boxes);
  const element = make("div", { class: "legend" });
  if (legend?.ramp) {
    const bar = make("i", { class: "ramp" });
    bar.style.background = `linear-gradient(to right, ${legend.ramp.join()})`;
    const name = choices.colour === "kind" || choices.colour === "type" ? "" : measures[choices.colour];
    element.append(make("span", {}, document.createTextNode(`${name}  ${legend.ends[0]} `), bar,
      document.createTextNode(` ${legend.ends[1]}, the most of a box; middle: a quarter`)));
  }
  for (const [text, colour] of legend?.names ?? []) {
    const swatch = make("i");
    swatch.style.background = colour;
    element.append(make("span", {}, swatch, document.createTextNode(text)));
  }
  if (choices.size !== "same") {
    element.append(make("span", { text: `height: share of all ${measures[choices.size]}` }));
  }
  return [element, make("div", { class: "help",
    text: "left: forward \u00b7 right: its backward \u00b7 \u25b8 opens \u00b7 hover: saved for backward" })];
}
