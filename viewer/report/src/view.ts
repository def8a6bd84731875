// A view of the page: what is shown between the head and the facts.

export interface View {
  element: HTMLElement;
  // The state has changed, or the view was made visible.
  update(): void;
  // A key that the page has no use for; true if the view had one.
  onKey?(event: KeyboardEvent): boolean;
}
