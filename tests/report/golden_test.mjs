// A few pictures of the report that a human has looked at: golden_test.mjs
// FOLDER. After a change that is meant, renew them and look at each:
//
//   TORCHTAPE_REFRESH_GOLDEN=1 ctest --test-dir build/check -R report.golden

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { folder, open, useReports } from "./pages.mjs";

useReports("sample", "paths");

const golden = join(dirname(fileURLToPath(import.meta.url)), "golden");
// Edges of letters differ from one build of a browser to the next. So pictures
// are looked at from afar, and a channel of a pixel may be so far off, and so
// many of all pixels farther.
const afar = 4, mostOff = 30, mostPixels = 0.002;

// Of two pictures, in a page that may load them: the part of the pixels that differ.
const differing = (one, other) => `(async () => {
  const pixels = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const [width, height] = [picture.width / ${afar}, picture.height / ${afar}];
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  };
  const [a, b] = await Promise.all([${JSON.stringify(one)}, ${JSON.stringify(other)}].map(pixels));
  if (a.width !== b.width || a.height !== b.height) return 1;
  let differ = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    if ([0, 1, 2].some((k) => Math.abs(a.data[i + k] - b.data[i + k]) > ${mostOff})) ++differ;
  }
  return differ / (a.width * a.height);
})()`;

for (const [name, log, hash] of [
  ["overview", "sample", "#view=overview&step=1"],
  ["timeline", "paths", "#view=timeline&step=0&select=path"],
  ["memory", "sample", "#view=memory&step=1&at=1400000"],
]) {
  for (const dark of name === "memory" ? [false] : [false, true]) {
    const file = `${name}${dark ? "_dark" : ""}.png`;
    test(`${name}, ${dark ? "dark" : "light"}, is as in golden/${file}`, async () => {
      const page = await open(log, { hash, dark });
      const taken = join(folder, file);
      await page.screenshot(taken);
      if (process.env.TORCHTAPE_REFRESH_GOLDEN) writeFileSync(join(golden, file), readFileSync(taken));
      assert.ok(existsSync(join(golden, file)), "there is none");
      const base64 = (path) => readFileSync(path).toString("base64");
      const differ = await page.eval(differing(base64(join(golden, file)), base64(taken)));
      assert.ok(differ <= mostPixels, `${(100 * differ).toFixed(2)} % of the pixels differ: ${taken}`);
    });
  }
}
