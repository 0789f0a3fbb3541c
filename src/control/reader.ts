import type { Clock } from '../ports/clock.js';
import type { SignalSource } from '../ports/signal.js';
import { within } from '../ports/time.js';

/** A signal source with what is needed to read it safely. */
export interface SignalReader {
	readonly name: string;
	readonly source: SignalSource;
	/** The next reading, `NaN` when it is bad, late or still under way from an earlier check. Never rejects. */
	read(): number | Promise<number>;
	/** Reads that threw, were late or were answered with something else than a number. */
	readonly errors: number;
}

/** Reads one source: never concurrently with itself, each time within `timeoutMs` (rules R5 and M6). */
export function createReader(
	name: string,
	given: SignalSource | (() => number | Promise<number>),
	clock: Clock,
	timeoutMs: number,
	failed: (error: unknown, name: string) => void,
): SignalReader {
	const source: SignalSource = typeof given === 'function' ? { read: given } : given;
	let underWay = false;
	let errors = 0;
	const bad = (error: unknown): number => {
		errors++;
		failed(error, name);
		return Number.NaN;
	};
	const checked = (answer: unknown): number => {
		if (typeof answer !== 'number') throw new TypeError(`signal "${name}" answered ${String(answer)}, not a number`);
		return answer;
	};
	return {
		name,
		source,
		get errors() {
			return errors;
		},
		read() {
			// A source that hangs was told about when it was late; it is asked again once it has answered.
			if (underWay) return Number.NaN;
			try {
				const answer: unknown = source.read();
				if (!(answer instanceof Object && 'then' in answer)) return checked(answer);
				const work = Promise.resolve(answer as PromiseLike<unknown>);
				const done = () => {
					underWay = false;
				};
				underWay = true;
				work.then(done, done);
				return within(clock, timeoutMs, `signal "${name}"`, work).then(checked).catch(bad);
			} catch (error) {
				return bad(error);
			}
		},
	};
}
