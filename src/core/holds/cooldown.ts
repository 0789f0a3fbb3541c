import { cooldownOf } from '../backoff.js';
import { readingOf, type Sensor } from '../sensor.js';
import type { HoldRule } from './hold.js';

/** A level is not left before it has been calm for its cooldown, unbroken (rule R4). */
export const cooldown: HoldRule = ({ ladder, sensors, verdicts, atMs }, now, target) => {
	const rung = target + 1;
	const calmMs = now.calmMs[rung] as number | null;
	if (calmMs === null && verdicts[rung] === 'no') {
		const loud = ladder.signals.find((signal, i) => {
			const threshold = signal.at[rung];
			return threshold !== undefined && readingOf(sensors[i] as Sensor) >= threshold.release;
		});
		return { reason: 'cooldown', signal: loud?.name };
	}
	const remainingMs = cooldownOf(ladder, now.backoff, rung) - (calmMs ?? 0);
	return remainingMs > 0 ? { reason: 'cooldown', untilMs: atMs + remainingMs } : null;
};
