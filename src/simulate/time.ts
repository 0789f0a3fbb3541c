export type TimeUnit = 's' | 'ms' | 'date';

/** Seconds since 1970 stay below this until the year 5138, and ms have been above it since 1973. */
export const MS_FROM = 1e11;
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::?(:\d\d(?:\.\d+)?))?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i;

/** The unit of a column of times: what its name says, else what its first value looks like. */
export function timeUnitOf(name: string, first: unknown): TimeUnit {
	const value = numberOf(first);
	if (Number.isNaN(value)) return 'date';
	if (/(ms|millis|milliseconds)$/i.test(name)) return 'ms';
	if (/[_ ](s|secs?|seconds)$/i.test(name)) return 's';
	return value >= MS_FROM ? 'ms' : 's';
}

/** A time in ms, `NaN` when it is none. A date without a zone is UTC, so that a recording means the same everywhere. */
export function readTime(cell: unknown, unit: TimeUnit): number {
	if (unit !== 'date') return numberOf(cell) * (unit === 's' ? 1000 : 1);
	const [, day, minutes = '00:00', seconds = ':00', zone = 'Z'] = DATE.exec(String(cell).trim()) ?? [];
	return day === undefined ? Number.NaN : Date.parse(`${day}T${minutes}${seconds}${zone.replace(/utc/i, 'Z')}`);
}

function numberOf(cell: unknown): number {
	return typeof cell === 'number' || (typeof cell === 'string' && cell.trim() !== '') ? Number(cell) : Number.NaN;
}
