import type { Simulation } from '../../../simulate/index.js';
import { DATES_FROM_MS, moment } from '../format.js';

/** Dates where the recording has them, else the largest unit that gives small numbers. */
export function timeScale({ fromMs, toMs }: Simulation) {
	if (fromMs >= DATES_FROM_MS) {
		const options = { type: 'utc' as const, domain: [new Date(fromMs), new Date(toMs)] };
		const tickFormat = (date: Date) => {
			const [day, clock] = moment(date.getTime()).split(/ (?=\d\d:)/);
			return clock === '00:00:00' ? `${day}` : `${clock?.replace(/:00$/, '')}`;
		};
		const [first, last] = [moment(fromMs).slice(0, 6), moment(toMs).slice(0, 6)];
		const label = first === last ? `${first}, UTC` : 'UTC';
		return { of: (ms: number) => new Date(ms) as Date | number, options, tickFormat, label };
	}
	const [unit, perMs] =
		toMs - fromMs > 3 * 3_600_000
			? ['hours', 3_600_000]
			: toMs - fromMs > 180_000
				? ['minutes', 60_000]
				: ['seconds', 1000];
	const of = (ms: number): Date | number => ms / (perMs as number);
	return {
		of,
		options: { type: 'linear' as const, domain: [of(fromMs), of(toMs)] },
		tickFormat: undefined,
		label: unit as string,
	};
}
export type TimeScale = ReturnType<typeof timeScale>;
