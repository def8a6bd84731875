// A view of the page: what is shown between the head and the facts.

// Says where things are on a canvas: for tests, which click there.
export interface Placing {
  placeOf(what: number | string): [x: number, y: number] | null;
}

export interface View {
  element: HTMLElement;
  // What it is drawn on, if it is drawn.
  canvas?: Placing;
  // The state has changed, or the view was made visible.
  update(): void;
  // A key that the page has no use for; true if the view had one.
  onKey?(event: KeyboardEvent): boolean;
}
