import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './brokers/broker.js';
import { brokers } from './brokers/index.js';
import type { GeneratorReport } from './generator.js';
import { end } from './generator-process.js';
import type { LoadSource } from './source.js';

const LOOK_MS = 100;
const FINISH_WITHIN_MS = 20_000;

/**
 * Messages come from a real broker, by the adapter of its client.
 *
 * @param startGenerator  starts the other process, which sends to the same place.
 */
export async function brokerSource(place: Place, startGenerator: () => ChildProcess): Promise<LoadSource> {
	const { title } = brokers[place.broker];
	const consumer = await brokers[place.broker].open(place);
	let lag = 0;
	let offered = () => 0;
	let generator: ChildProcess | undefined;
	let report: Promise<GeneratorReport | undefined> = Promise.resolve(undefined);
	let closing: Promise<void> | undefined;
	return {
		where: `through the ${title} at ${place.url}`,
		lag: {
			...consumer.lag,
			async read() {
				const reading = await consumer.lag.read();
				if (reading >= 0) lag = reading;
				return reading;
			},
		},
		fallsWhilePaused: consumer.lag.fallsWhilePaused ?? true,
		intake: consumer.intake,
		async start(shedder, handle, failed) {
			offered = () => shedder.stats().offered;
			await consumer.consume(shedder, handle, failed);
			if (closing !== undefined) return;
			generator = startGenerator();
			report = text(generator.stdout as Readable).then(parseReport);
		},
		counts: () => ({ arrived: offered() + lag, waiting: lag }),
		async finish() {
			generator?.stdin?.end();
			const said = await Promise.race([report, sleep(FINISH_WITHIN_MS, undefined, { ref: false })]);
			let left = await consumer.left();
			for (const endMs = performance.now() + FINISH_WITHIN_MS; left > 0 && performance.now() < endMs; ) {
				await sleep(LOOK_MS);
				left = await consumer.left();
			}
			return { report: said, left };
		},
		close() {
			closing ??= (async () => {
				if (generator !== undefined) await end(generator);
				await consumer.close();
			})();
			return closing;
		},
	};
}

/** A generator that failed has printed nothing, or half of it; why stands on its standard error. */
function parseReport(printed: string): GeneratorReport | undefined {
	return printed.endsWith('}\n') ? (JSON.parse(printed) as GeneratorReport) : undefined;
}
