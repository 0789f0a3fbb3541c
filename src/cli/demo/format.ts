const compactNumber = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const wholeNumber = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const shortPercent = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 2 });

/** 1234567 -> `1.23M`. */
export const compact = (value: number): string => compactNumber.format(value);
/** 1234567 -> `1,234,567`. */
export const whole = (value: number): string => wholeNumber.format(value);
/** 0.625 -> `63%`, 0.0042 -> `0.42%`. */
export const percent = (ratio: number): string => shortPercent.format(ratio);
/** 12345 -> `12.3 s`. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** 83000 -> `01:23`. */
export function minutes(ms: number): string {
	const total = Math.floor(ms / 1000);
	return `${String(Math.floor(total / 60)).padStart(2, '0')}:${String(total % 60).padStart(2, '0')}`;
}

/** `['a', 'b', 'c']` -> `a, b and c`. */
export function enumerate(items: readonly string[]): string {
	return items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** Breaks a paragraph into lines of at most `width` characters, between words. */
export function wrapWords(text: string, width: number): string[] {
	const lines: string[] = [];
	for (const word of text.split(/\s+/)) {
		const last = lines.at(-1);
		if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
		else lines.push(word);
	}
	return lines;
}

/** What becomes of a message, in the past tense. */
export const DONE = { process: 'processed', spill: 'spilled', reject: 'handed back', drop: 'dropped' } as const;
