import type { ConformanceCase } from './conformance-case.js';
import { assignments, leases, pausing, users } from './intake/checks.js';
import { type IntakePlace, type IntakeSubject, settingsOf } from './intake/subject.js';
import { attempt } from './intake/trial.js';

/**
 * What every intake promises (rule M8), as cases for any test runner, to be run against the real broker:
 *
 *     for (const { name, run, timeoutMs } of intakeConformance({ place, rebalance })) it(name, run, timeoutMs);
 *
 * The intake is paused and resumed the way a controller does it: for reasons that are counted, again after an assignment of
 * which it tells, again after a failure. Cases of which the subject says nothing (a rebalance, a user's own pause) are left
 * out of the list.
 *
 * @throws ConfigError for a subject that cannot be tested.
 * @see docs/writing-an-adapter.md
 */
export function intakeConformance<P extends IntakePlace>(subject: IntakeSubject<P>): readonly ConformanceCase[] {
	const settings = settingsOf(subject);
	return [...pausing, ...leases, ...users, ...assignments]
		.filter(({ when }) => when === undefined || when(settings))
		.map(({ name, run }) => ({
			name,
			run: () => attempt(settings, run),
			// Several waits, one after the other, each of which may take its time.
			timeoutMs: 6 * settings.timeoutMs + 4 * settings.leaseMs,
		}));
}
