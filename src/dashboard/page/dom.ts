/** The element with this id; it is in index.html. */
export function byId(id: string): HTMLElement {
	const found = document.getElementById(id);
	if (found === null) throw new Error(`there is no element ${id}`);
	return found;
}

type Content = string | Node;

/** An element with a class and what is in it. Texts are texts: nothing that the service says is ever read as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
	tag: K,
	className = '',
	...content: readonly Content[]
): HTMLElementTagNameMap[K] {
	const element = document.createElement(tag);
	if (className !== '') element.className = className;
	element.append(...content);
	return element;
}

/** Changes a text only when it differs, so that a selection stays and a screen reader is not told of nothing. */
export function say(element: Element, text: string): void {
	if (element.textContent !== text) element.textContent = text;
}

/** The same for an attribute; `null` removes it. */
export function mark(element: Element, name: string, value: string | number | null): void {
	if (value === null) element.removeAttribute(name);
	else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** Lets `parent` have as many children as there are items, keeps those that are there, and fills each in. */
export function list<T, E extends HTMLElement>(
	parent: HTMLElement,
	items: readonly T[],
	create: () => E,
	fill: (child: E, item: T) => void,
): void {
	while (parent.children.length > items.length) parent.lastElementChild?.remove();
	while (parent.children.length < items.length) parent.append(create());
	for (const [i, item] of items.entries()) fill(parent.children[i] as E, item);
}

/** The children of an element that was made with them. */
export const parts = (element: Element): readonly HTMLElement[] => [...element.children] as HTMLElement[];
