import { type Gate, gateOf } from '../../intake/gate.js';
import { systemClock } from '../../ports/time.js';
import { settles } from '../settles.js';
import type { IntakePlace, Settings } from './subject.js';

/** How often a controller looks after its intake. */
const LOOK_MS = 50;
/** More than any client fetches at once, so that a pause always finds something to hold back. */
const BEYOND_RESIDUAL = 100;

/** A consumer, paused and resumed as a controller does it, and what is known of it. */
export interface Trial {
	readonly settings: Settings;
	readonly place: IntakePlace;
	/** Most messages that may arrive after a pause. */
	readonly residual: number;
	/** Closes intake for a reason of a controller. Resolves when it is known to be closed. */
	pause(reason?: object): Promise<void>;
	/** Gives the reason up. Resolves when intake is known to be as it should be. */
	resume(reason?: object): Promise<void>;
	/** Waits until intake is known to be as it should be, such as after an assignment. */
	asserted(): Promise<void>;
	/** Puts new messages into the broker; at least so many that a paused consumer cannot have them all. */
	produce(count?: number): Promise<void>;
	/** Waits until everything that was produced has been delivered, and then for a silence. @throws with what is missing. */
	allDelivered(): Promise<void>;
	/** Waits for a silence. @returns the number of deliveries so far. */
	silence(): Promise<number>;
	/** Produces, and fails when more than the residual arrives. */
	holdsBack(): Promise<void>;
	/** Bounds anything else, and names it. */
	settles<T>(what: string, work: PromiseLike<T>): Promise<T>;
}

/** Runs a case on a place of its own, and cleans up after it. */
export async function attempt(settings: Settings, run: (trial: Trial) => Promise<void>): Promise<void> {
	const within = <T>(what: string, work: PromiseLike<T>) => settles(what, settings.timeoutMs, work);
	const place = await within('subject.place', settings.place());
	let failure: { readonly error: unknown } | undefined;
	const trial = trialOn(settings, place, within);
	try {
		await run(trial);
	} catch (error) {
		failure = { error };
	}
	trial.end();
	try {
		await within('place.destroy', Promise.resolve(place.destroy?.()));
	} catch (error) {
		failure ??= { error };
	}
	if (failure !== undefined) throw failure.error;
}

function trialOn(settings: Settings, place: IntakePlace, within: Trial['settles']): Trial & { end(): void } {
	const { timeoutMs, quietMs } = settings;
	const residual = place.intake.residual ?? 0;
	const gate: Gate = gateOf(place.intake, systemClock, timeoutMs);
	const mine = {};
	const produced: string[] = [];
	// A call may fail while a connection is down; it is made again, and what counts is that it comes to an end.
	let lastFailure: unknown;
	const failed = (error: unknown) => {
		lastFailure = error;
	};
	const end = systemClock.every(LOOK_MS, () => void gate.assert(failed));
	const waitFor = async (fact: () => boolean, otherwise: () => string) => {
		for (const endMs = performance.now() + timeoutMs; !fact(); await sleep(LOOK_MS)) {
			if (performance.now() > endMs) throw new Error(otherwise(), { cause: lastFailure });
		}
	};
	const asserted = () =>
		waitFor(
			() => gate.done,
			() => `the intake was not as it should be within ${timeoutMs} ms`,
		);
	const silence = async () => {
		let count = -1;
		for (const endMs = performance.now() + timeoutMs; count !== place.delivered.length; ) {
			if (performance.now() > endMs) throw new Error(`deliveries went on for ${timeoutMs} ms`);
			count = place.delivered.length;
			await sleep(quietMs);
		}
		return count;
	};
	const produce = async (count = residual + BEYOND_RESIDUAL) => {
		const ids = Array.from({ length: count }, (_, i) => `m${produced.length + i}`);
		produced.push(...ids);
		await within('place.produce', place.produce(ids));
	};
	return {
		settings,
		place,
		residual,
		asserted,
		produce,
		silence,
		settles: within,
		end,
		async pause(reason = mine) {
			await within('intake.pause', gate.set(reason, true, failed));
			await asserted();
		},
		async resume(reason = mine) {
			await within('intake.resume', gate.set(reason, false, failed));
			await asserted();
		},
		async allDelivered() {
			const missing = () => produced.filter((id) => !place.delivered.includes(id));
			await waitFor(
				() => new Set(place.delivered).size >= produced.length,
				() => `${missing().length} of ${produced.length} messages were not delivered, such as ${missing()[0]}`,
			);
			await silence();
		},
		async holdsBack() {
			const before = place.delivered.length;
			await produce();
			const more = (await silence()) - before;
			if (more > residual) throw new Error(`${more} messages were delivered while paused, the residual is ${residual}`);
		},
	};
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
