import { compiled, type Ladder } from '../core/ladder.js';

/** Remembers which recorded signals stay the same for so long that a controller would judge them stuck (rule R5). */
export function watchRepeats(ladder: Ladder) {
	const watched = compiled(ladder).signals.filter(({ stuckAfterMs }) => stuckAfterMs < Number.POSITIVE_INFINITY);
	const sensors = watched.map(({ name, stuckAfterMs }) => {
		return { name, stuckAfterMs, reading: Number.NaN, sinceMs: 0, repeats: false };
	});
	return {
		see(atMs: number, readings: { readonly [name: string]: number }): void {
			for (const sensor of sensors) {
				const reading = readings[sensor.name] as number;
				if (reading === sensor.reading && reading !== 0)
					sensor.repeats ||= atMs - sensor.sinceMs >= sensor.stuckAfterMs;
				else [sensor.reading, sensor.sinceMs] = [reading, atMs];
			}
		},
		notes(): string[] {
			return sensors.flatMap(({ name, stuckAfterMs, repeats }) =>
				repeats
					? [
							`${name} stays the same for ${stuckAfterMs / 1000} s and longer. While messages move a service takes that for a stuck sensor; a recording cannot tell, so here it counts.`,
						]
					: [],
			);
		},
	};
}
