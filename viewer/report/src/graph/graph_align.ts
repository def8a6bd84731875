// Which entries of a list are those of another one, in the same order: a longest
// common subsequence. What they have in common at both ends, nearly everything
// for two steps of a training, costs nothing.

import { none } from "../run/run";

// Beyond so many pairs the nearest equal entry is taken: long lists that differ
// in their middle.
const mostPairs = 4e6;

// For each entry of `fresh` the index of its partner in `known`, or none.
export function align(known: number[], fresh: number[]): Int32Array {
  const partners = new Int32Array(fresh.length).fill(none);
  let start = 0, end = 0;
  const shorter = Math.min(known.length, fresh.length);
  while (start < shorter && known[start] === fresh[start]) partners[start] = start++;
  while (end < shorter - start && known[known.length - 1 - end] === fresh[fresh.length - 1 - end]) {
    ++end;
    partners[fresh.length - end] = known.length - end;
  }
  const a = known.slice(start, known.length - end), b = fresh.slice(start, fresh.length - end);
  const middle = a.length * b.length <= mostPairs ? longest(a, b) : nearest(a, b);
  middle.forEach((partner, i) => { if (partner !== none) partners[start + i] = start + partner; });
  return partners;
}

function longest(a: number[], b: number[]): Int32Array {
  const partners = new Int32Array(b.length).fill(none);
  if (a.length === 0 || b.length === 0) return partners;
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width); // of what follows
  for (let i = a.length - 1; i >= 0; --i) {
    for (let j = b.length - 1; j >= 0; --j) {
      lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1
        : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) partners[j++] = i++;
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) ++i;
    else ++j;
  }
  return partners;
}

function nearest(a: number[], b: number[]): Int32Array {
  const partners = new Int32Array(b.length).fill(none);
  const farthest = 1000;
  for (let i = 0, j = 0; j < b.length; ++j) {
    for (let ahead = 0; ahead < farthest && i + ahead < a.length; ++ahead) {
      if (a[i + ahead] !== b[j]) continue;
      partners[j] = i + ahead;
      i += ahead + 1;
      break;
    }
  }
  return partners;
}
