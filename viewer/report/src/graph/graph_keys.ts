// Which box an arrow key goes to.

import type { Box } from "./graph_layout";

const directions: { [key: string]: [x: number, y: number] } =
  { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export function isArrow(key: string): boolean {
  return key in directions;
}

// The nearest one in the key's direction; from none, the first.
export function nextBox(boxes: Box[], from: Box | null, key: string): Box | null {
  if (!from) return boxes[0] ?? null;
  const [dx, dy] = directions[key];
  let best: Box | null = null, least = Infinity;
  for (const box of boxes) {
    const [x, y] = [box.x - from.x, box.y - from.y];
    const along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
    if (along <= 1 || along + 3 * across >= least) continue;
    [best, least] = [box, along + 3 * across];
  }
  return best;
}
