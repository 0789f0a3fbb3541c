import type { Stats } from '../../index.js';
import { whole } from './format.js';

/** What came in, and where it went: both sides of rule M5. */
const CAME = {
	offered: 'offered to the shedder',
	recovered: 'found in the spill',
} as const;
const WENT = {
	processed: 'processed at once',
	replayed: 'spilled, processed later',
	dropped: 'dropped, to be backfilled',
	rejected: 'rejected',
	failed: 'failed in the handler',
	expired: 'expired in the spill',
	deadLettered: 'given up, dead letters',
	lost: 'lost by the spill',
	waiting: 'waiting in the spill',
	inFlight: 'in flight',
} as const;

/** Widths of the columns. */
const [LEFT, RIGHT, NUMBER] = [24, 27, 12];

type Accounts = Pick<Stats, keyof typeof CAME | keyof typeof WENT>;

const sumOf = (side: Readonly<Record<string, string>>, stats: Accounts): number =>
	Object.keys(side).reduce((sum, name) => sum + stats[name as keyof Accounts], 0);

/**
 * The closing account: every message that came in is on exactly one line of the right side.
 *
 * @param weight  messages per counted item.
 */
export function ledgerLines(stats: Accounts & Pick<Stats, 'protectedShed'>, weight = 1): string[] {
	const entry = (text: string, width: number, count: number) =>
		`${text.padEnd(width)}${whole(count * weight).padStart(NUMBER)}`;
	const left = Object.entries(CAME).map(([name, text]) => entry(text, LEFT, stats[name as keyof Accounts]));
	const right = Object.entries(WENT).map(([name, text]) => entry(text, RIGHT, stats[name as keyof Accounts]));
	const [came, went] = [sumOf(CAME, stats), sumOf(WENT, stats)];
	return [
		...right.map((text, row) => `${(left[row] ?? '').padEnd(LEFT + NUMBER)}   ${text}`),
		`${entry('total', LEFT, came)} ${came === went ? '=' : '≠'} ${entry('total', RIGHT, went)}`,
		entry('protected messages shed', LEFT, stats.protectedShed),
	];
}

/**
 * What is wrong with how a run has ended, one sentence each; nothing when all is well.
 *
 * @param normal  the name of the first level.
 */
export function complaints(stats: Accounts & Pick<Stats, 'level' | 'protectedShed'>, normal: string): string[] {
	const [came, went] = [sumOf(CAME, stats), sumOf(WENT, stats)];
	const wrong: readonly (string | false)[] = [
		stats.level !== normal && `the level is ${stats.level}, not ${normal}`,
		stats.waiting !== 0 && `${whole(stats.waiting)} spilled messages were not replayed`,
		stats.inFlight !== 0 && `${whole(stats.inFlight)} messages are still in flight`,
		stats.protectedShed !== 0 && `${whole(stats.protectedShed)} protected messages were shed`,
		came !== went && `the ledger does not balance: ${whole(came)} came in, ${whole(went)} are accounted for`,
	];
	return wrong.filter((text) => text !== false);
}
