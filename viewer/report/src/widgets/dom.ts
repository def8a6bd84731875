// Elements of the page. Names come from logs, so text is only ever set as
// text: nothing in this program makes markup out of a string.

export interface Properties {
  class?: string;
  text?: string;
  title?: string;
  id?: string;
  type?: string;
  role?: string;
  label?: string; // for those who do not see
  tabIndex?: number;
  disabled?: boolean;
  onclick?: (event: MouseEvent) => void;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, properties: Properties = {}, ...children: (Node | null)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  const { class: name, text, label, role, type, ...rest } = properties;
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  if (label) element.setAttribute("aria-label", label);
  if (role) element.setAttribute("role", role);
  if (type) element.setAttribute("type", type);
  Object.assign(element, rest);
  for (const child of children) if (child) element.append(child);
  return element;
}

export function button(
  text: string, onclick: (event: MouseEvent) => void, properties: Properties = {}
): HTMLButtonElement {
  return make("button", { text, type: "button", onclick, ...properties });
}

// A card of a view: a heading, something small beside it, and content.
export function card(title: string, aside: Node | null, ...content: Node[]): HTMLElement {
  return make("section", { class: "card", label: title },
    make("header", {}, make("h2", { text: title }), aside), ...content);
}

// Characters that move a cursor or change the direction of text are shown as
// what they are, as the tool does on a terminal.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
export function safeText(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

// Only what differs: a browser lays out anew what is set, also to what it was.
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// Makes anew what is inside of an element: the control that had the focus has it
// again, by where it is in there.
export function keepingFocus(within: Element, change: () => void): void {
  if (!within.contains(document.activeElement)) return change();
  const controls = () => [...within.querySelectorAll<HTMLElement>("button, input, select, [tabindex]")];
  const index = controls().indexOf(document.activeElement as HTMLElement);
  change();
  if (index >= 0) controls()[index]?.focus();
}

// The end of a long path says most.
export function shortPath(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

// "aten::" is said once too often.
export function shortName(name: string): string {
  return name.replace(/^(aten|torch::autograd)::/, "");
}

// "torch::nn::LinearImpl" is a Linear, "(anonymous namespace)::Net" a Net.
export function typeName(type: string): string {
  return type.slice(type.lastIndexOf("::") + 1).replace(/^:/, "").replace(/Impl$/, "");
}
