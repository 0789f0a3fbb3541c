import { verify } from '../../core/errors.js';
import type { Intake } from '../../ports/intake.js';

/** A consumer that is running, on a queue or topic of its own. */
export interface IntakePlace {
	/** The intake of this consumer. */
	readonly intake: Intake;
	/** The ids of the messages that reached the handler, in that order. They are acknowledged at once. */
	readonly delivered: readonly string[];
	/** Puts messages into the broker; resolves when it has them. */
	produce(ids: readonly string[]): Promise<void>;
	/** Ends the consumer and removes what belongs to it. Called once. */
	destroy?(): void | Promise<void>;
}

/** What {@link intakeConformance} has to know about an intake. */
export interface IntakeSubject<P extends IntakePlace = IntakePlace> {
	/** Makes an empty place of its own, its consumer ready to be delivered to. */
	place(): P | Promise<P>;
	/** The pause and the resume of the client itself, as a user calls them. Leaves out the cases of a user's own pause. */
	readonly user?: { pause(place: P): void | Promise<void>; resume(place: P): void | Promise<void> } | undefined;
	/** Makes the broker assign anew: another member comes and goes. Resolves when this consumer has everything again. */
	readonly rebalance?: ((place: P) => void | Promise<void>) | undefined;
	/** Cuts the connection of the consumer; resolves when the client is connected again. */
	readonly reconnect?: ((place: P) => void | Promise<void>) | undefined;
	/**
	 * How long the broker leaves a message with this consumer before it gives it to another, ms: what the intake has to
	 * extend or to release while it is paused. A case waits three times as long, so let it be short. Absent: for ever.
	 */
	readonly leaseMs?: number | undefined;
	/** For how long no delivery counts as silence, ms > 0. Default 500. */
	readonly quietMs?: number | undefined;
	/** How long one call, or what is waited for, may take, ms > 0. Default 20 000. */
	readonly timeoutMs?: number | undefined;
}

/** A subject with everything filled in. */
export interface Settings {
	readonly place: () => Promise<IntakePlace>;
	readonly user: { pause(place: IntakePlace): Promise<void>; resume(place: IntakePlace): Promise<void> } | undefined;
	readonly rebalance: ((place: IntakePlace) => Promise<void>) | undefined;
	readonly reconnect: ((place: IntakePlace) => Promise<void>) | undefined;
	readonly leaseMs: number;
	readonly quietMs: number;
	readonly timeoutMs: number;
}

/** @throws ConfigError with everything that is wrong with the subject. */
export function settingsOf<P extends IntakePlace>(subject: IntakeSubject<P>): Settings {
	const { user, rebalance, reconnect, leaseMs, quietMs = 500, timeoutMs = 20_000 } = subject;
	verify('intakeConformance', (must) => {
		must(typeof subject.place === 'function', 'place', subject.place, 'a function');
		const isTime = (ms: number) => ms > 0 && Number.isFinite(ms);
		must(leaseMs === undefined || isTime(leaseMs), 'leaseMs', leaseMs, 'a finite number above 0');
		must(isTime(quietMs), 'quietMs', quietMs, 'a finite number above 0');
		must(isTime(timeoutMs), 'timeoutMs', timeoutMs, 'a finite number above 0');
	});
	// A case may know more about its own places than IntakePlace says; the only ones given back to it are its own.
	return {
		place: async () => subject.place(),
		user: user && {
			pause: async (place) => user.pause(place as P),
			resume: async (place) => user.resume(place as P),
		},
		rebalance: rebalance && (async (place) => rebalance(place as P)),
		reconnect: reconnect && (async (place) => reconnect(place as P)),
		leaseMs: leaseMs ?? 0,
		quietMs,
		timeoutMs,
	};
}
