import { compact } from '../demo/format.js';

/** 45300 -> `45.3 s`, 192000 -> `3 min 12 s`, 11520000 -> `3 h 12 min`, 612000000 -> `7 d 2 h`. */
export function duration(ms: number): string {
	if (ms < 1000) return `${Math.round(ms)} ms`;
	const seconds = Math.round(ms / 100) / 10;
	if (seconds < 60) return `${seconds} s`;
	if (ms < 3_600_000) return two(Math.round(ms / 1000), 60, 'min', 's');
	if (ms < 48 * 3_600_000) return two(Math.round(ms / 60_000), 60, 'h', 'min');
	return two(Math.round(ms / 3_600_000), 24, 'd', 'h');
}

function two(total: number, per: number, large: string, small: string): string {
	const rest = total % per;
	return `${Math.floor(total / per)} ${large}${rest > 0 ? ` ${rest} ${small}` : ''}`;
}

/** Times from here on are dates; smaller ones have passed since the recording began at 0. */
export const DATES_FROM_MS = 1e11;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `17 Nov 09:03:15` (UTC), or `09:03:15` into a recording without dates. */
export function moment(ms: number): string {
	const two = (value: number) => String(value).padStart(2, '0');
	const seconds = Math.round(ms / 1000);
	if (ms < DATES_FROM_MS) {
		return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
	}
	const date = new Date(seconds * 1000);
	const day = `${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]}`;
	return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** A reading with its unit, in three digits: signals whose names end in `Ms` are times. */
export function reading(signal: string, value: number): string {
	if (!signal.endsWith('Ms')) return compact(value);
	return value >= 1000 && value < 10_000 ? `${Number((value / 1000).toPrecision(3))} s` : duration(value);
}

/** 0.0123 -> `1.23 %`, 0 -> `0 %`; what is more than nothing never looks like nothing. */
export function share(ratio: number): string {
	if (ratio === 0 || ratio === 1) return `${ratio * 100} %`;
	if (ratio < 0.0001) return '< 0.01 %';
	if (ratio > 0.9999) return '> 99.99 %';
	return `${Number((ratio * 100).toPrecision(ratio > 0.99 ? 4 : 3))} %`;
}
