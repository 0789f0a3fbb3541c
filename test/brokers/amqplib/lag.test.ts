import { type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { describe, expect, it } from 'vitest';
import { amqplibIntake, amqplibLag } from '../../../src/amqplib/index.js';
import { describeWith, rabbitmq, until } from '../../support/services.js';
import { at, openWire } from './place.js';

const many = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);

await describeWith(rabbitmq, 'amqplibLag', ({ url }) => {
	it('counts what is ready and what is delivered here and not acknowledged', () =>
		at(url, async ({ queue, produce, connection, ready }) => {
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 10 });
			const lag = amqplibLag({ queue, connection, intake });
			expect(await lag.read()).toBe(0);
			await produce(many(30));
			expect(await lag.read()).toBe(30);
			const held: (() => void)[] = [];
			const channel = await connection.createChannel();
			await intake.consume(channel, queue, (acks) => (message) => {
				if (message !== null) held.push(() => acks.ack(message));
			});
			await until('as many as may be', () => held.length === 10);
			// The broker calls only the others ready.
			expect(await ready()).toBe(20);
			expect(await lag.read()).toBe(30);
			for (const ack of held.splice(0, 4)) ack();
			await until('the broker has heard of it', async () => held.length === 10 && (await ready()) === 16);
			expect(await lag.read()).toBe(26);
			await intake.pause();
			expect(await lag.read()).toBe(26);
			// What was held is ready again.
			await channel.close();
			await until('the broker has them', async () => (await ready()) === 26);
			expect(await lag.read()).toBe(26);
			await lag.close?.();
		}));

	it('is off by no more than prefetch while messages are on their way', () =>
		at(url, async ({ queue, produce, connection }) => {
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 50 });
			const lag = amqplibLag({ queue, connection, intake });
			await produce(many(1_000));
			const channel = await connection.createChannel();
			let left = 1_000;
			await intake.consume(channel, queue, (acks) => (message) => {
				if (message === null) return;
				left--;
				acks.ack(message);
			});
			let reads = 0;
			for (; left > 0; reads++) {
				const before = left;
				const read = await lag.read();
				expect(read).toBeLessThanOrEqual(before + 50);
				expect(read).toBeGreaterThanOrEqual(left - 50);
			}
			expect(reads).toBeGreaterThan(1);
			await until('it is 0', async () => (await lag.read()) === 0);
		}));

	it('does not know what other consumers hold', () =>
		at(url, async ({ queue, produce, connection }) => {
			const lag = amqplibLag({ queue, connection, intake: amqplibIntake() });
			const channel = await connection.createChannel();
			await channel.prefetch(4);
			let others = 0;
			await channel.consume(queue, () => others++);
			await produce(many(10));
			await until('others hold some', () => others === 4);
			expect(await lag.read()).toBe(6);
		}));

	it('fails for a queue that is not there, and opens another channel once it is', () =>
		at(url, async ({ queue, connection, channel, produce }) => {
			const intake = amqplibIntake();
			const name = `${queue}-later`;
			const lag = amqplibLag({ queue: name, connection, intake });
			for (let again = 0; again < 3; again++) await expect(lag.read()).rejects.toThrow(/404/);
			await channel.assertQueue(name, { autoDelete: true });
			channel.sendToQueue(name, Buffer.from('a'));
			await produce(['confirms both']);
			expect(await lag.read()).toBe(1);
			expect(await lag.read()).toBe(1);
			await channel.deleteQueue(name);
			await lag.close?.();
		}));

	it('is unknown without a connection, and follows to the next one', () =>
		at(url, async ({ queue, produce }) => {
			const wire = await openWire(url);
			const intake = amqplibIntake();
			let current: ChannelModel | undefined;
			const lag = amqplibLag({ queue, connection: () => current, intake });
			const connected = async () => {
				const connection = await connect(wire.url);
				connection.on('error', () => {});
				return connection;
			};
			await produce(many(3));
			expect(await lag.read()).toBeNaN();
			const first = await connected();
			current = first;
			expect(await lag.read()).toBe(3);
			const read = lag.read();
			wire.cut();
			await expect(read).rejects.toThrow();
			// Whoever does not notice at once has no answer, and above all not 0.
			await expect(lag.read()).rejects.toThrow();
			current = undefined;
			expect(await lag.read()).toBeNaN();
			current = await connected();
			expect(await lag.read()).toBe(3);
			await lag.close?.();
			await lag.close?.();
			await current.close();
			await wire.close();
		}));
});

describe('amqplibLag', () => {
	it('refuses what cannot work', () => {
		const options = { queue: '', connection: {} as never, intake: undefined as never };
		expect(() => amqplibLag(options)).toThrow(
			[
				'invalid amqplibLag (3 problems):',
				'queue: "" must be the name of a queue',
				'connection: an object must be a connection of amqplib, or a function that tells it',
				'intake: undefined must be an amqplibIntake',
			].join('\n'),
		);
	});
});
