import type { JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { type Consuming, type NatsIntake, natsIntake } from '../../../src/nats/index.js';
import { type IntakePlace, intakeConformance } from '../../../src/testing/index.js';
import { describeWith, startNats, until } from '../../support/services.js';
import { place } from './place.js';

const ACK_WAIT_MS = 1_500;
const MESSAGES = 60;

interface Consumed extends IntakePlace {
	readonly intake: NatsIntake<JsMsg>;
	readonly redelivered: readonly string[];
	readonly errors: readonly unknown[];
	readonly consuming: Consuming;
	readonly connection: NatsConnection;
}

// A server of its own, which is taken away in the middle.
await describeWith(startNats, 'natsIntake', (server) => {
	async function consumed(): Promise<Consumed> {
		const { connection, consumer, publish, destroy } = await place(server.url, {
			stream: { storage: 'file' },
			consumer: { ack_wait: ACK_WAIT_MS * 1e6 },
		});
		const delivered: string[] = [];
		const redelivered: string[] = [];
		const intake = natsIntake({ connection, consumer, maxMessages: MESSAGES, expiresMs: 1_000 });
		const errors: unknown[] = [];
		const consuming = intake.consume(
			(messages) => {
				for (const message of messages) {
					delivered.push(message.string());
					if (message.redelivered) redelivered.push(message.string());
					message.ack();
				}
			},
			{ onError: (error) => errors.push(error) },
		);
		return {
			intake,
			delivered,
			redelivered,
			errors,
			consuming,
			connection,
			produce: (ids) => publish(ids),
			async destroy() {
				await consuming.stop();
				await destroy();
			},
		};
	}

	for (const { name, run, timeoutMs } of intakeConformance({
		place: consumed,
		async reconnect({ connection }) {
			await server.restart();
			await until('the client is connected again', async () => (await connection.rtt()) >= 0);
		},
		user: { pause: ({ consuming }) => consuming.pause(), resume: ({ consuming }) => consuming.resume() },
		leaseMs: ACK_WAIT_MS,
	}))
		it(name, run, timeoutMs);

	it('brings nothing a second time because of a pause', async () => {
		const consumer = await consumed();
		const ids = Array.from({ length: 2_000 }, (_, i) => `m${i}`);
		await consumer.produce(ids);
		while (consumer.delivered.length < ids.length) {
			consumer.intake.pause();
			await new Promise(setImmediate);
			consumer.intake.resume();
			await new Promise(setImmediate);
		}
		expect(consumer.delivered).toEqual(ids);
		expect(consumer.redelivered).toEqual([]);
		expect(consumer.errors).toEqual([]);
		await consumer.destroy?.();
	}, 30_000);
});
