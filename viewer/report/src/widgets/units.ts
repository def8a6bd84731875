// Numbers in words, as viewer/src/output/units.cc puts them.

export function time(ns: number): string {
  if (ns < 999.5) return `${ns.toFixed(0)} ns`;
  if (ns < 999.95e3) return `${(ns / 1e3).toFixed(1)} us`;
  if (ns < 999.95e6) return `${(ns / 1e6).toFixed(1)} ms`;
  return `${(ns / 1e9).toFixed(1)} s`;
}

export function bytes(count: number): string {
  const sign = count < 0 ? "-" : "";
  const size = Math.abs(count);
  if (size < 1024) return `${sign}${size.toFixed(0)} B`;
  if (size < 1023.95 * 1024) return `${sign}${(size / 1024).toFixed(1)} KiB`;
  if (size < 1023.95 * 1024 ** 2) return `${sign}${(size / 1024 ** 2).toFixed(1)} MiB`;
  return `${sign}${(size / 1024 ** 3).toFixed(1)} GiB`;
}

export function count(number: number): string {
  if (number < 100000) return number.toFixed(0);
  if (number < 999.95e3) return `${(number / 1e3).toFixed(1)} k`;
  if (number < 999.95e6) return `${(number / 1e6).toFixed(1)} M`;
  return `${(number / 1e9).toFixed(1)} G`;
}

export function share(part: number, whole: number): string {
  if (whole <= 0) return "-";
  const percent = (part / whole) * 100;
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)} %`;
}

// A logged value: enough digits to tell neighbours apart.
export function value(number: number): string {
  return Number.isFinite(number) ? String(+number.toPrecision(4)) : String(number);
}

// What is not known is a dash.
export function known(number: number | null, text: (n: number) => string): string {
  return number === null || Number.isNaN(number) ? "-" : text(number);
}

export function plural(number: number, one: string): string {
  return `${count(number)} ${one}${number === 1 ? "" : "s"}`;
}

// Round steps for an axis: at most `most` of them up to `span`.
export function tick(span: number, most: number): number {
  const rough = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5]) if (factor * power >= rough) return factor * power;
  return 10 * power;
}

// As above, of bytes: powers of two.
export function byteTick(span: number, most: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(span / Math.max(most, 1), 1)));
}

// The label of an axis whose ticks are `step` apart, in ns.
export function axisTime(ns: number, step: number): string {
  if (ns === 0) return "0";
  const [unit, name] = 4 * step >= 1e9 ? [1e9, "s"] : 4 * step >= 1e6 ? [1e6, "ms"]
    : 4 * step >= 1e3 ? [1e3, "us"] : [1, "ns"];
  const digits = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  return `${(ns / unit).toFixed(digits)} ${name}`;
}
