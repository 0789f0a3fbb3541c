import { InvalidArgumentError } from 'commander';

const UNITS = { ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `10s`, `2min`, `1h` -> ms. */
export function durationOf(text: string): number {
	const [, value = '', unit = ''] = /^([\d.]+)\s*(ms|s|min|m|h|d)$/.exec(text.trim()) ?? [];
	const ms = Number(value) * (UNITS[unit as keyof typeof UNITS] ?? Number.NaN);
	if (!(ms > 0)) throw new InvalidArgumentError('It must be a duration such as 500ms, 10s or 2min.');
	return ms;
}

/** A number above 0, also with k, M or G behind it. */
export function positive(text: string): number {
	const value = amountOf(text);
	if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0, such as 500 or 20k.');
	return value;
}

export function notNegative(text: string): number {
	const value = amountOf(text);
	if (!(value >= 0)) throw new InvalidArgumentError('It must be a number of at least 0.');
	return value;
}

export function whole(text: string): number {
	if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 0.');
	return Number(text);
}

/** `critical=0.4,high=0.2`, repeatable. */
export function amounts(text: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
	const entries = text.split(',').map((pair) => {
		const [, name = '', value = ''] = /^\s*([^=]+?)\s*=\s*(.+?)\s*$/.exec(pair) ?? [];
		if (name === '') throw new InvalidArgumentError('It must look like name=number,name=number.');
		return [name, notNegative(value)] as const;
	});
	return { ...before, ...Object.fromEntries(entries) };
}

/** `lag=kafka_lag{topic="a,b"}`, repeatable: one a flag, because selectors contain commas. */
export function pair(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
	const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(.+)$/s.exec(text) ?? [];
	if (name === '') throw new InvalidArgumentError('It must look like lag=series.');
	return { ...before, [name]: value };
}

export function several(text: string, before: readonly string[] = []): readonly string[] {
	return [...before, text];
}

function amountOf(text: string): number {
	const [, value = '', unit = ''] = /^([\d.]+(?:e[+-]?\d+)?)\s*([kMG]?)$/.exec(text.trim()) ?? [];
	return value === '' ? Number.NaN : Number(value) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit as '' | 'k' | 'M' | 'G'];
}
