import { expect, it } from 'vitest';
import { type Consuming, type RedisStreamsIntake, redisStreamsIntake } from '../../../src/redis-streams/index.js';
import { type IntakePlace, intakeConformance } from '../../../src/testing/index.js';
import { describeWith, redis, until } from '../../support/services.js';
import { LIBRARIES, type Library, place, texts } from './place.js';

const LEASE_MS = 1_000;

interface Consumed extends IntakePlace {
	readonly intake: RedisStreamsIntake<string>;
	readonly errors: readonly unknown[];
	readonly consuming: Consuming;
	readonly cut: () => Promise<void>;
}

/** The consumer, and another member of its group that would take whatever it lets go. */
async function consumed(url: string, library: Library): Promise<Consumed> {
	const { client, stream, group, publish, cut, destroy } = await place(url, library);
	const delivered: string[] = [];
	const errors: unknown[] = [];
	const intake = redisStreamsIntake({
		client,
		stream,
		group,
		consumer: 'one',
		maxMessages: 60,
		blockMs: 500,
		claimAfterMs: LEASE_MS,
	});
	const consuming = intake.consume(
		(messages) => {
			for (const message of messages) {
				delivered.push(message.fields.text as string);
				message.ack();
			}
		},
		{ onError: (error) => errors.push(error) },
	);
	return {
		intake,
		delivered,
		errors,
		consuming,
		cut,
		produce: publish,
		async destroy() {
			await consuming.stop();
			await destroy();
		},
	};
}

for (const library of LIBRARIES) {
	await describeWith(redis, `redisStreamsIntake with ${library}`, ({ url }) => {
		const conformance = intakeConformance({
			place: () => consumed(url, library),
			async reconnect({ cut, intake }: Consumed) {
				let again = false;
				const unsubscribe = intake.onAssignmentChange(() => {
					again = true;
				});
				await cut();
				// A paused consumer connects again when it reads again.
				await Promise.race([until('it is connected again', () => again, 2_000).catch(() => {})]);
				unsubscribe();
			},
			user: { pause: ({ consuming }) => consuming.pause(), resume: ({ consuming }) => consuming.resume() },
			leaseMs: LEASE_MS,
		});
		for (const { name, run, timeoutMs } of conformance) it(name, run, timeoutMs);

		it('brings nothing a second time because of a pause, and everything in order', async () => {
			const { intake, delivered, errors, produce, destroy } = await consumed(url, library);
			await produce(texts(2_000));
			while (delivered.length < 2_000) {
				intake.pause();
				await new Promise(setImmediate);
				intake.resume();
				await new Promise(setImmediate);
			}
			expect(delivered).toEqual(texts(2_000));
			expect(errors).toEqual([]);
			await destroy?.();
		}, 30_000);
	});
}
