import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { describe, expect, it, vi } from 'vitest';
import { type AmqplibAcks, amqplibIntake, amqplibLag } from '../../../src/amqplib/index.js';
import { intakeConformance } from '../../../src/testing/index.js';
import { describeWith, rabbitmq, startRabbitmq, until } from '../../support/services.js';
import { at, makePlace, openWire } from './place.js';

const PREFETCH = 10;

await describeWith(rabbitmq, 'amqplibIntake', ({ url }) => {
	const conformance = intakeConformance({
		async place() {
			const [{ queue, produce, destroy }, wire] = await Promise.all([makePlace(url), openWire(url)]);
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: PREFETCH });
			const delivered: string[] = [];
			const deliver = (channel: AmqplibAcks<ConsumeMessage>) => (message: ConsumeMessage | null) => {
				if (message === null) return;
				delivered.push(message.content.toString());
				channel.ack(message);
			};
			let channel: Channel | undefined;
			let consumerTag = '';
			const consume = async () => {
				if (channel !== undefined) ({ consumerTag } = await intake.consume(channel, queue, deliver));
			};
			let times = 0;
			const connection = await connect(wire.url, {
				recovery: {
					initialDelay: 50,
					async setup(connected: ChannelModel) {
						channel = await connected.createChannel();
						await consume();
						times++;
					},
				},
			});
			connection.on('error', () => {});
			return {
				intake,
				delivered,
				produce,
				async destroy() {
					await connection.close();
					await wire.close();
					await destroy();
				},
				pause: async () => void (await channel?.cancel(consumerTag)),
				resume: consume,
				async reconnect() {
					const before = times;
					wire.cut();
					await until('it is connected again', () => times > before);
				},
			};
		},
		user: { pause: ({ pause }) => pause(), resume: ({ resume }) => resume() },
		reconnect: ({ reconnect }) => reconnect(),
	});
	for (const { name, run, timeoutMs } of conformance) it(name, run, timeoutMs);

	it('knows what is held, and forgets it with the channel', () =>
		at(url, async ({ queue, produce, connection, ready }) => {
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 5 });
			const { deliver, messages, acks } = collecting();
			const channel = await connection.createChannel();
			await produce(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
			expect([intake.residual, intake.held(queue)]).toEqual([0, 0]);
			const { consumerTag } = await intake.consume(channel, queue, deliver);
			await until('as many as may be', () => messages.length === 5);
			expect([intake.residual, intake.held(queue), intake.held('another')]).toEqual([5, 5, 0]);
			acks()?.ack(messages[0] as ConsumeMessage);
			expect(intake.held(queue)).toBe(4);
			await until('the next', () => messages.length === 6);
			acks()?.ack(messages[3] as ConsumeMessage, true);
			acks()?.nack(messages[4] as ConsumeMessage, false, false);
			await until('the last', () => messages.length === 7);
			expect(intake.held(queue)).toBe(2);
			// Cancelled by the user, it still holds what it was given.
			await channel.cancel(consumerTag);
			expect([intake.residual, intake.held(queue)]).toEqual([5, 2]);
			await channel.close();
			expect([intake.residual, intake.held(queue)]).toEqual([0, 0]);
			await until('they are with the broker again', async () => (await ready()) === 2);
		}));

	it('consumes several queues and channels, and pauses them all', () =>
		at(url, ({ queue, produce, connection, ready }) =>
			at(url, async (other) => {
				const intake = amqplibIntake<ConsumeMessage>({ prefetch: 3 });
				const { deliver, messages } = collecting({ ack: true });
				const [one, two] = [await connection.createChannel(), await connection.createChannel()];
				await intake.consume(one, queue, deliver);
				await intake.consume(two, queue, deliver);
				await intake.consume(one, other.queue, deliver, { consumerTag: 'mine', priority: 3 });
				expect(intake.residual).toBe(9);
				await produce(['a', 'b']);
				await other.produce(['c']);
				await until('all', () => messages.length === 3);
				await intake.pause();
				await produce(['d']);
				await other.produce(['e']);
				expect([await ready(), await other.ready()]).toEqual([1, 1]);
				await intake.resume();
				await until('the others', () => messages.length === 5);
				expect(messages.filter(({ fields }) => fields.consumerTag === 'mine')).toHaveLength(2);
				await one.close();
				expect(intake.residual).toBe(3);
				await intake.pause();
				await two.close();
				await intake.resume();
			}),
		));

	it('tells the handler when the broker cancels, and does not consume again', () =>
		at(url, async ({ connection, channel: admin }) => {
			const intake = amqplibIntake<ConsumeMessage>();
			const told = vi.fn();
			const channel = await connection.createChannel();
			const { queue } = await admin.assertQueue('', { autoDelete: true });
			await intake.consume(channel, queue, () => told);
			await admin.deleteQueue(queue);
			await until('it is told', () => told.mock.calls.length === 1);
			expect(told).toHaveBeenCalledWith(null);
			expect(intake.residual).toBe(0);
			await intake.pause();
			await intake.resume();
			await channel.close();
		}));

	it('rejects what the broker refuses, and begins anew on the next channel', () =>
		at(url, async ({ connection, queue }) => {
			const intake = amqplibIntake<ConsumeMessage>();
			const { deliver } = collecting();
			const failing = await connection.createChannel();
			failing.on('error', () => {});
			await expect(intake.consume(failing, `${queue}-missing`, deliver)).rejects.toThrow(/404/);
			expect(intake.residual).toBe(0);
			await intake.pause();
			const channel = await connection.createChannel();
			channel.on('error', () => {});
			await intake.consume(channel, queue, deliver);
			expect(intake.residual).toBe(100);
			// Deleted while paused: the broker refuses to let it be consumed again, and closes the channel.
			await (await connection.createChannel()).deleteQueue(queue);
			await intake.resume();
			expect(intake.residual).toBe(0);
			await intake.pause();
		}));
});

await describeWith(
	() => startRabbitmq({ consumer_timeout: 3_000, channel_tick_interval: 1_000 }),
	'amqplibIntake on a broker that waits 3 s for acknowledgements',
	({ url }) => {
		it(
			'keeps its channel while it is paused for longer: it holds nothing because of the pause',
			() =>
				at(url, async ({ queue, produce, connection }) => {
					const intake = amqplibIntake<ConsumeMessage>({ prefetch: 5 });
					const lag = amqplibLag({ queue, connection, intake });
					const { deliver, messages } = collecting({ ack: true });
					const channel = await connection.createChannel();
					const closed = vi.fn();
					for (const event of ['close', 'error']) channel.on(event, closed);
					await produce(Array.from({ length: 200 }, (_, n) => `${n}`));
					await intake.consume(channel, queue, deliver);
					await until('some are delivered', () => messages.length > 5);
					await intake.pause();
					const before = messages.length;
					expect(await lag.read()).toBe(200 - before);
					await sleep(7_000);
					expect(closed).not.toHaveBeenCalled();
					expect(messages.length).toBe(before);
					await intake.resume();
					await until('all', () => messages.length === 200);
					expect(new Set(messages.map(({ content }) => content.toString())).size).toBe(200);
				}),
			60_000,
		);

		it(
			'loses the channel, and its messages to others, when a handler takes longer',
			() =>
				at(url, async ({ queue, produce, connection, ready }) => {
					const intake = amqplibIntake<ConsumeMessage>({ prefetch: 5 });
					const { deliver, messages, acks } = collecting();
					const channel = await connection.createChannel();
					const told = vi.fn();
					channel.on('error', told);
					await produce(['a', 'b']);
					await intake.consume(channel, queue, deliver);
					await until('both are here', () => messages.length === 2);
					await until('the broker has had enough', () => told.mock.calls.length === 1);
					expect(String(told.mock.calls[0]?.[0])).toContain('PRECONDITION_FAILED');
					expect(intake.held(queue)).toBe(0);
					await until('they are with the broker', async () => (await ready()) === 2);
					expect(() => acks()?.ack(messages[0] as ConsumeMessage)).toThrow('Channel closed');
				}),
			60_000,
		);
	},
);

describe('amqplibIntake', () => {
	it('refuses what cannot work', async () => {
		expect(() => amqplibIntake({ prefetch: 0 })).toThrow('prefetch: 0 must be a whole number from 1 to 65535');
		const options = { noAck: true as never };
		await expect(amqplibIntake().consume({} as never, '', 1 as never, options)).rejects.toThrow(
			[
				'invalid amqplibIntake.consume (4 problems):',
				'channel: an object must be a channel of amqplib',
				'queue: "" must be the name of a queue',
				'deliver: 1 must be an amqplibHandler, or a function',
				'options.noAck: true must be left out: messages are to be acknowledged',
			].join('\n'),
		);
	});
});

/** Collects what is delivered. */
function collecting({ ack = false } = {}) {
	const messages: ConsumeMessage[] = [];
	let last: AmqplibAcks<ConsumeMessage> | undefined;
	const deliver = (channel: AmqplibAcks<ConsumeMessage>) => {
		last = channel;
		return (message: ConsumeMessage | null) => {
			if (message === null) return;
			messages.push(message);
			if (ack) channel.ack(message);
		};
	};
	return { deliver, messages, acks: () => last };
}
