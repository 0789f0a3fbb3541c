import type { ConformanceCase } from './conformance-case.js';
import { acking } from './spill/acking.js';
import type { Check } from './spill/check.js';
import { closing } from './spill/closing.js';
import { durable } from './spill/durable.js';
import { figures } from './spill/figures.js';
import { full } from './spill/full.js';
import { givingUp } from './spill/giving-up.js';
import { model } from './spill/model.js';
import { order } from './spill/order.js';
import { owners } from './spill/owners.js';
import { reading } from './spill/reading.js';
import { reopening } from './spill/reopening.js';
import { roundTrips } from './spill/round-trips.js';
import { sizes } from './spill/sizes.js';
import { type SpillPlace, type SpillStoreSubject, settingsOf } from './spill/subject.js';
import { attempt } from './spill/trial.js';

const CHECKS: readonly Check[] = [
	...roundTrips,
	...sizes,
	...order,
	...reading,
	...acking,
	...figures,
	...givingUp,
	...closing,
	...reopening,
	...owners,
	...full,
	...durable,
	...model,
];

/**
 * What every spill store promises, as cases for any test runner:
 *
 *     for (const { name, run, timeoutMs } of spillStoreConformance({ durability: 'os-crash', place })) it(name, run, timeoutMs);
 *
 * Cases that do not concern a store (a second owner, when it declares that it allows several) are left out of the list.
 * One case needs the optional peer `fast-check` (3 or 4), when it runs.
 *
 * @throws ConfigError for a subject that cannot be tested.
 * @see docs/writing-a-store.md
 */
export function spillStoreConformance<P extends SpillPlace>(subject: SpillStoreSubject<P>): readonly ConformanceCase[] {
	const settings = settingsOf(subject);
	return CHECKS.filter(({ when }) => when === undefined || when(settings)).map(({ name, run }) => ({
		name,
		run: () => attempt(settings, run),
		timeoutMs: settings.caseTimeoutMs,
	}));
}
