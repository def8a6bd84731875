// The ranks of the timeline, one below the other: that which is looked at with
// all its rows, the others with low ones. A log that is alone is one band
// without a heading.

import { Ranks } from "../run/ranks";
import { Run } from "../run/run";
import { Lane, Lanes, lanesOf, rowHeight } from "./lanes";

export const headingHeight = 18;
const lowRow = 5;

export interface Band {
  rank: number;
  run: Run;
  name: string;
  lanes: Lanes;
  shift: number; // its times are later by this on the axis
  open: boolean; // rows are as high as their text
  top: number;
  rowsTop: number; // below its heading
  scale: number; // of its rows
  height: number;
}

export function bandsOf(ranks: Ranks, shown: number): Band[] {
  const alone = ranks.all.length === 1;
  let top = 0;
  return ranks.all.map(({ run, name }, rank) => {
    const lanes = lanesOf(run);
    const open = rank === shown;
    const scale = open ? 1 : lowRow / rowHeight;
    const rowsTop = top + (alone ? 0 : headingHeight);
    const height = rowsTop - top + lanes.height * scale;
    const band = { rank, run, name, lanes, shift: ranks.shift(rank, shown), open, top, rowsTop, scale, height };
    top += height;
    return band;
  });
}

export function bandAt(bands: Band[], y: number): Band | undefined {
  return bands.find(({ top, height }) => y >= top && y < top + height);
}

export function laneAt(band: Band, y: number): Lane | undefined {
  return band.lanes.at((y - band.rowsTop) / band.scale);
}
