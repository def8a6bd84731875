// What ops compute and move, in words: README.md ("FLOPs").

import { Work, WorkSum } from "./data";
import { Run } from "./run";
import { bytes, count, share } from "../widgets/units";

export function amount(number: number): string {
  if (number < 999.5) return number.toFixed(0);
  let rest = number / 1e3, prefix = 0;
  for (; rest >= 999.95 && prefix < 5; ++prefix) rest /= 1e3;
  return `${rest.toFixed(1)} ${"kMGTPE"[prefix]}`;
}

export function flopText(flops: number): string {
  const text = amount(flops);
  return text.includes(" ") ? `${text}FLOP` : `${text} FLOP`;
}

// Both directions; null: there was nothing to count.
export function both(work: Work | undefined): WorkSum | null {
  if (!work) return null;
  const sum = { ...work.forward };
  for (const key of Object.keys(sum) as (keyof WorkSum)[]) sum[key] += work.backward[key];
  return sum;
}

export function flopsOf(work: Work | undefined): number | null {
  const sum = both(work);
  return sum && sum.counted_ops > 0 ? sum.matrix_flops + sum.arithmetic_flops : null;
}

// FLOP a second, of what was timed.
export function rateOf(work: Work | undefined): number | null {
  const sum = both(work);
  return sum && sum.timed_ns > 0 && sum.timed_flops > 0 ? (sum.timed_flops / sum.timed_ns) * 1e9 : null;
}

// FLOP a byte.
export function intensityOf(work: Work | undefined): number | null {
  const sum = both(work), flops = flopsOf(work);
  return sum && flops && sum.moved_bytes > 0 ? flops / sum.moved_bytes : null;
}

// FLOPs of a span with all that counts inside of it is the sum over those spans:
// of one span alone, null where it is counted elsewhere or not known.
export function spanFlops(run: Run, span: number): number | null {
  const index = run.spans.work[span];
  if (index < 2) return null;
  const [matrix, arithmetic] = run.facts.works[index - 2];
  return matrix + arithmetic;
}

// One line for a tip; empty where there is nothing to say.
export function spanWorkText(run: Run, span: number): string {
  const index = run.spans.work[span];
  if (index === 0) return "";
  if (index === 1) return "nobody knows how much it computes";
  const [matrix, arithmetic, transcendental, moved, onCpu] = run.facts.works[index - 2];
  if (matrix + arithmetic + transcendental + moved === 0) return "";
  const ns = run.spans.end[span] - run.spans.start[span];
  const flops = matrix + arithmetic;
  return [
    matrix ? `${flopText(matrix)} in products` : "", arithmetic ? `${flopText(arithmetic)} other` : "",
    transcendental ? `${count(transcendental)} transcendental calls` : "", `${bytes(moved)} moved`,
    onCpu && flops && ns > 0 ? `${flopText((flops / ns) * 1e9)}/s` : "",
    flops && moved ? `${(flops / moved).toFixed(1)} FLOP/B` : "",
  ].filter(Boolean).join(", ");
}

export function workText(work: Work | undefined): string | null {
  const sum = both(work);
  if (!sum) return null;
  const flops = sum.matrix_flops + sum.arithmetic_flops;
  const unknown = sum.unknown_ops ? `${count(sum.unknown_ops)} ops not known` : "";
  if (flops === 0 && sum.moved_bytes === 0) return unknown || null;
  const backward = work!.backward.matrix_flops + work!.backward.arithmetic_flops;
  const rate = rateOf(work);
  return [`${flopText(sum.matrix_flops)} in products, ${flopText(sum.arithmetic_flops)} other`,
          flops ? `${share(backward, flops)} backward` : "", `${bytes(sum.moved_bytes)} moved`,
          rate === null ? "" : `${flopText(rate)}/s`, unknown].filter(Boolean).join(", ");
}
