// Colours to choose from: some for kinds that have no order, and a ramp for
// amounts. Okabe and Ito's ("Color Universal Design", 2008), Paul
// Tol's bright ("Colour Schemes", 2021) and the ramps viridis and cividis
// (Nunez, Anderton, Renslow, PLOS ONE 13(7), 2018) are told apart by all kinds
// of sight; Tableau 10 is not. magma and viridis: van der Walt and Smith, 2015.

export interface Palette {
  name: string;
  title: string;
  kinds: string[]; // seven, in the order of layer_family.ts
  ramp: string[]; // from little to much on a dark page, the other way on a light one
}

const okabeIto = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442"];
const tolBright = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb"];
const tableau = ["#4e79a7", "#e15759", "#59a14f", "#edc948", "#76b7b2", "#b07aa1", "#f28e2b"];
const greys = ["#5a5a5a", "#8c8c8c", "#737373", "#bdbdbd", "#a6a6a6", "#404040", "#d9d9d9"];

export const palettes: { [key: string]: Palette } = {
  okabe: { name: "Okabe-Ito, viridis", title: "safe for the colour-blind", kinds: okabeIto,
    ramp: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"] },
  tol: { name: "Tol, cividis", title: "safe for the colour-blind", kinds: tolBright,
    ramp: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"] },
  tableau: { name: "Tableau, magma", title: "bright; not for all kinds of sight", kinds: tableau,
    ramp: ["#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d", "#fd9668", "#feca8d", "#fcfdbf"] },
  greys: { name: "greys", title: "for print", kinds: greys, ramp: ["#303030", "#f0f0f0"] },
};

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// `part`: 0 to 1.
export function rampAt(ramp: string[], part: number): string {
  const at = Math.max(0, Math.min(part, 1)) * (ramp.length - 1);
  const low = Math.min(Math.floor(at), ramp.length - 2);
  const [a, b] = [channels(ramp[low]), channels(ramp[low + 1])];
  const mixed = a.map((each, i) => Math.round(each + (b[i] - each) * (at - low)));
  return `#${mixed.map((each) => each.toString(16).padStart(2, "0")).join("")}`;
}

// What can be read on a colour: by its luminance, as WCAG 2 defines it.
export function inkOn(colour: string): string {
  const [r, g, b] = channels(colour).map((each) => {
    const part = each / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#111111" : "#ffffff";
}
