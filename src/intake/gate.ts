import type { Clock } from '../ports/clock.js';
import type { Intake } from '../ports/intake.js';
import { TimeoutError, within } from '../ports/time.js';

/** Closes and opens one intake for any number of reasons. */
export interface Gate {
	/** Closes it for this reason; it opens again when no reason is left. Calls the intake at once, if none is under way. */
	set(reason: object, closed: boolean, failed: Failed): Promise<void>;
	/** Tries again what failed, and what the broker may have undone. Never rejects. */
	assert(failed: Failed): Promise<void>;
	/** The intake is known to be as it should be. */
	readonly done: boolean;
}

type Failed = (error: unknown) => void;

const TRIES_MAX = 4;
/** A call that was given up is taken for lost, and made again, when it has not come back this long afterwards. */
const LOST_MS = 30_000;

// Controllers that share an intake share its gate, so that one does not resume what another has paused (rule M8).
const gates = new WeakMap<Intake, Gate>();

/** The gate of an intake; calls to the intake are given up after `timeoutMs`. */
export function gateOf(intake: Intake, clock: Clock, timeoutMs: number): Gate {
	const gate = gates.get(intake) ?? createGate(intake, clock, timeoutMs);
	gates.set(intake, gate);
	return gate;
}

function createGate(intake: Intake, clock: Clock, timeoutMs: number): Gate {
	const reasons = new Set<object>();
	// What the intake is known to be; undefined once a call of ours failed and may have taken effect all the same. A pause
	// that is not ours is no business of ours: an intake counts as open until we close it.
	let closed: boolean | undefined = false;
	let assigned = false;
	let again = false;
	let wanted = false;
	let turning: Promise<void> | undefined;
	// The last call of each kind that was given up, until it comes back or the broker assigns anew: an intake that hangs is
	// not called over and over.
	const hanging = new Map<boolean, { readonly call: Promise<void>; readonly untilMs: number }>();

	/** Waits for a call that was given up. Its failure was told. */
	const awaitLate = (close: boolean, call: Promise<void>): void => {
		// What was assigned meanwhile it does not speak of.
		if (!assigned) hanging.set(close, { call, untilMs: clock.nowMs() + LOST_MS });
		const back = (worked: boolean) => {
			const last = hanging.get(close)?.call === call;
			if (last) hanging.delete(close);
			if (close !== reasons.size > 0) {
				// It may have undone what was asked since. Put right at once, for after a stop nobody looks again.
				closed = undefined;
				void assert(lastFailed);
			} else if (last && worked) closed ??= close;
		};
		call.then(
			() => back(true),
			() => back(false),
		);
	};
	const turn = async (failed: Failed): Promise<void> => {
		// Bounded: an intake that is assigned anew by being paused would be paused for ever.
		for (let tries = 0; tries < TRIES_MAX; tries++) {
			again = false;
			const close = reasons.size > 0;
			wanted = close;
			if (closed === close) return;
			// It hangs. Once the other call was answered, which `closed` tells, this one is made all the same.
			if (closed === undefined && clock.nowMs() < (hanging.get(close)?.untilMs ?? 0)) return;
			assigned = false;
			let call: Promise<void> | undefined;
			try {
				call = Promise.resolve(close ? intake.pause() : intake.resume());
				await within(clock, timeoutMs, close ? 'intake.pause' : 'intake.resume', call);
				// An assignment during the call has undone it.
				closed = close && assigned ? undefined : close;
				again ||= closed === undefined;
			} catch (error) {
				closed = undefined;
				if (call !== undefined && error instanceof TimeoutError) awaitLate(close, call);
				failed(error);
				// Tried again at the next look, unless something else is wanted by now.
				if (close === reasons.size > 0) return;
			}
			if (!again) return;
		}
	};
	const assert = (failed: Failed): Promise<void> => {
		again = true;
		if (turning !== undefined) return turning;
		// Set before the intake is called, which may call back while it is being paused.
		let done = () => {};
		turning = new Promise((resolve) => {
			done = resolve;
		});
		void turn(failed).then(() => {
			turning = undefined;
			done();
			// A wish that came after the last look.
			if (again && wanted !== reasons.size > 0) void assert(failed);
		});
		return turning;
	};
	let lastFailed: Failed = () => {};
	intake.onAssignmentChange?.(() => {
		assigned = true;
		hanging.clear();
		// What was just assigned is open; nothing is to be done unless it should not be.
		if (reasons.size === 0) return;
		closed = undefined;
		void assert(lastFailed);
	});
	return {
		get done() {
			return closed === reasons.size > 0;
		},
		assert(failed) {
			lastFailed = failed;
			return assert(failed);
		},
		set(reason, close, failed) {
			if (close) reasons.add(reason);
			else reasons.delete(reason);
			lastFailed = failed;
			return assert(failed);
		},
	};
}
