import { createHash } from 'node:crypto';
import type { HandlerContext } from '../../index.js';
import type { Message } from './feed.js';

/** What handling a message takes of a core's time, ms: 2 000 messages a second in full, 5 000 without the features. */
const COST_MS = { publish: 0.2, enrichment: 0.2, strictValidation: 0.1 };
/** Measured in short slices, of which the best counts: another process may have had the core for a while. */
const SLICES = 8;
const SLICE_MS = 40;

type Context = Pick<HandlerContext<string, string, 'enrichment' | 'strictValidation'>, 'features'>;

export interface Work {
	/** The message handler. It burns the time of a core, and returns what came of it. */
	work(message: Message, context: Context): string;
	/** Messages per second in full, as measured on this machine a moment ago. */
	readonly capacityPerS: number;
}

/** Sizes the work to this machine, and measures what it can do. Takes about 700 ms. */
export function calibrate(): Work {
	const perMs = bestPerMs(() => hash('x', 1));
	const rounds = {
		publish: Math.ceil(perMs * COST_MS.publish),
		enrichment: Math.ceil(perMs * COST_MS.enrichment),
		strictValidation: Math.ceil(perMs * COST_MS.strictValidation),
	};
	const work = (message: Message, { features }: Context): string => {
		let digest = hash(JSON.stringify(message), rounds.publish);
		if (features.enrichment) digest = hash(digest, rounds.enrichment);
		if (features.strictValidation) digest = hash(digest, rounds.strictValidation);
		return digest;
	};
	const full: Context = { features: { enrichment: true, strictValidation: true } };
	return { work, capacityPerS: 1000 * bestPerMs(() => work({ symbol: 'BHP', kind: 'trade' }, full)) };
}

function hash(text: string, rounds: number): string {
	let digest = text;
	for (let round = 0; round < rounds; round++) digest = createHash('sha256').update(digest).digest('base64');
	return digest;
}

/** How often something can be done in a millisecond. */
function bestPerMs(run: () => void): number {
	let best = 0;
	for (let slice = 0; slice < SLICES; slice++) {
		const startMs = performance.now();
		let done = 0;
		for (; performance.now() - startMs < SLICE_MS; done++) run();
		best = Math.max(best, done / (performance.now() - startMs));
	}
	return best;
}
