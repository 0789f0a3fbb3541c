import { show as showWhole } from '../core/errors.js';

const VALUE_MAX = 60;
const LISTED_MAX = 20;

/** A value as an error message shows it, however long it is: what was read may be anything. */
export function show(value: unknown): string {
	return showWhole(typeof value === 'string' ? cut(value, VALUE_MAX) : value);
}

/** Names in an error message; a Prometheus answer may have thousands. */
export function listed(names: readonly string[]): string {
	const rest = names.length - LISTED_MAX;
	const shown = names.slice(0, LISTED_MAX).map((name) => cut(name, 2 * VALUE_MAX));
	return `${shown.join(', ') || 'none'}${rest > 0 ? ` and ${rest} more` : ''}`;
}

export function cut(text: string, max: number): string {
	return text.length > max ? `${text.slice(0, max)}…` : text;
}
