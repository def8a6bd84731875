// The first click of two may make the page lay out anew: the panel opens where a
// node of the graph was. The second click is for what the first one hit all the
// same, and never for what has come there in between.

// What a browser tells of a click, in order.
const parts = ["mousedown", "mouseup", "click", "dblclick"] as const;

export function keepDoubleClicks(): void {
  let first: EventTarget | null = null;
  const follow = (event: MouseEvent) => {
    const { type, detail, target } = event;
    if (type === "mousedown" && detail < 2) first = target;
    // Buttons and rows of tables may be made anew by a click, and are the same still.
    if (detail < 2 || !(first instanceof HTMLCanvasElement) || !first.isConnected || target === first) return;
    event.stopPropagation();
    event.preventDefault();
    if (type === "click" && detail === 2) first.dispatchEvent(new MouseEvent("dblclick", { detail: 2 }));
  };
  for (const part of parts) addEventListener(part, follow, true);
}
