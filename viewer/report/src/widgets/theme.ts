// Colours. The kinds of work have those of Okabe and Ito, which all kinds of
// sight tell apart; everything else comes from style.css.

export interface Theme {
  text: string; muted: string; faint: string; line: string; card: string; raised: string;
  accent: string; band: string; danger: string; forward: string; backward: string;
  kinds: { [name: string]: string };
  series: string[];
}

const light = {
  layer: "#3d8fd1", product: "#e0763f", tensor: "#35a986", memory: "#e3b23c", view: "#b4bac2",
  custom: "#c58ab0", backward: "#8fc3ea", engine: "#d5dbe2", module: "#dfe4ea", range: "#ece3f3",
  script: "#e7e3dd",
};
const dark = {
  layer: "#4a9ee0", product: "#dd7b48", tensor: "#2fa381", memory: "#d9a935", view: "#66707c",
  custom: "#bd7fa8", backward: "#34678f", engine: "#333b45", module: "#2f3741", range: "#40364c",
  script: "#413c35",
};

export const kindNames: [string, string][] = [
  ["layer", "layer op"], ["product", "product, other"], ["tensor", "arithmetic, reduction"],
  ["memory", "makes, fills, copies"], ["view", "view, getter"], ["custom", "custom op"],
  ["backward", "backward node"], ["range", "range"], ["module", "module call"],
];

const themes = new Map<boolean, Theme>();

function read(isDark: boolean): Theme {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: get("text"), muted: get("muted"), faint: get("faint"), line: get("line"),
    card: get("card"), raised: get("raised"), accent: get("accent"), band: get("band"), danger: get("danger"),
    forward: get("forward"), backward: get("backward"), kinds: isDark ? dark : light,
    series: isDark
      ? ["#4a9ee0", "#dd7b48", "#2fa381", "#d9a935", "#bd7fa8", "#7cc4ee", "#a8863b", "#8f8fd6"]
      : ["#3d8fd1", "#e0763f", "#35a986", "#e3b23c", "#c58ab0", "#8fc3ea", "#a08340", "#7f7fc9"],
  };
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : prefersDark.matches;
}

export function theme(): Theme {
  const now = isDark();
  let known = themes.get(now);
  if (!known) themes.set(now, (known = read(now)));
  return known;
}

export function setTheme(name: "light" | "dark"): void {
  document.documentElement.dataset.theme = name;
}
