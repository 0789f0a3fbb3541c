const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

/** Short: `1.23M`, `0.71`. */
export const brief = (value: number | null): string => (value === null ? 'unknown' : compact.format(value));

/** In full: `1,234,567`. */
export const full = (value: number): string => exact.format(value);

/** `23 s`, `4 min 5 s`, `2 h 3 min`. */
export function duration(ms: number): string {
	if (ms < 1_000) return `${Math.round(ms)} ms`;
	const s = Math.round(ms / 1_000);
	if (s < 60) return `${s} s`;
	const min = Math.floor(s / 60);
	if (min < 60) return s % 60 === 0 ? `${min} min` : `${min} min ${s % 60} s`;
	const h = Math.floor(min / 60);
	return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
}

/** A countdown: never `0 s` while there is some left. */
export const left = (ms: number): string => duration(Math.ceil(ms / 1_000) * 1_000);

/** `14:05:59`, in the viewer's time zone. */
export const timeOfDay = (epochMs: number): string => clock.format(epochMs);

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.2 MB`. */
export function bytes(value: number): string {
	const at = Math.min(UNITS.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
	return `${Number((value / 1_000 ** at).toPrecision(3))} ${UNITS[at]}`;
}
