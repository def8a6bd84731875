// How the graph is looked at, as far as a link restores it.

import { palettes } from "../widgets/palettes";

export type Measure = "time" | "memory" | "parameters" | "flops";

export interface GraphChoices {
  level: number;
  colour: "kind" | "type" | Measure;
  size: "same" | Measure;
  label: "name" | "type";
  palette: string;
  merge: number; // modules with fewer parameters are merged; 0: none are
  all: boolean; // all steps in one
  open: string[] | null; // keys of groups; null: as the graph opens them
}

// A link with more would be of no use.
const mostOpen = 40;

export const measures: { [key in Measure]: string } =
  { time: "time", memory: "memory", parameters: "parameters", flops: "FLOPs" };

const defaults: GraphChoices =
  { level: 1, colour: "kind", size: "same", label: "name", palette: "okabe", merge: 0, all: false, open: null };

// Only what is not as usual is written.
export function writeChoices(choices: GraphChoices, words: URLSearchParams): void {
  for (const key of Object.keys(defaults) as (keyof GraphChoices)[]) {
    if (key !== "open" && choices[key] !== defaults[key]) words.set(key, String(choices[key]));
  }
  if (!choices.open || choices.open.length > mostOpen) return;
  for (const key of choices.open.length ? choices.open : [""]) words.append("open", key);
}

// Whatever is in a link, the choices are valid.
export function readChoices(words: URLSearchParams): GraphChoices {
  const oneOf = <T extends string>(key: string, all: readonly string[], other: T) =>
    (all.includes(words.get(key) ?? "") ? words.get(key) as T : other);
  const number = (key: string, most: number, other: number) => {
    const value = Number(words.get(key) ?? NaN);
    return value >= 0 && value <= most ? Math.floor(value) : other;
  };
  return {
    level: number("level", 3, defaults.level),
    colour: oneOf("colour", ["kind", "type", ...Object.keys(measures)], defaults.colour),
    size: oneOf("size", Object.keys(measures), defaults.size),
    label: oneOf("label", ["type"], defaults.label),
    palette: oneOf("palette", Object.keys(palettes), defaults.palette),
    merge: number("merge", 1e15, 0),
    all: words.get("all") === "true",
    open: words.has("open") ? words.getAll("open").filter(Boolean) : null,
  };
}
