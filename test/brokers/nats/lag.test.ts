import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { ConfigError } from '../../../src/index.js';
import { natsAge, natsLag } from '../../../src/nats/index.js';
import { describeWith, nats, startNats, until } from '../../support/services.js';
import { type PlaceSettings, place, texts } from './place.js';

await describeWith(nats, 'natsLag', ({ url }) => {
	async function consumed(settings?: PlaceSettings) {
		const here = await place(url, settings);
		const lag = natsLag({ consumer: here.consumer });
		/** The reading, once the server has taken in what was sent before. */
		const read = async () => {
			await here.connection.flush();
			return lag.read();
		};
		return { ...here, read };
	}

	it('says that it cannot fall while intake is paused', async () => {
		const { consumer, destroy } = await consumed();
		expect(natsLag({ consumer }).fallsWhilePaused).toBe(false);
		await destroy();
	});

	it('counts what was not delivered and what was not acknowledged', async () => {
		const { publish, take, read, destroy } = await consumed();
		expect(await read()).toBe(0);
		await publish(texts(100));
		expect(await read()).toBe(100);
		const taken = await take(20);
		expect(await read()).toBe(100);
		for (const message of taken.slice(10)) message.ack();
		expect(await read()).toBe(90);
		taken[0]?.nak(60_000);
		expect(await read()).toBe(90);
		taken[1]?.term();
		expect(await read()).toBe(89);
		await destroy();
	});

	it('counts only what passes the filter of the consumer', async () => {
		const { publish, read, destroy } = await consumed({ filter: 'b' });
		await publish(texts(30), 'a');
		await publish(texts(7), 'b');
		expect(await read()).toBe(7);
		await destroy();
	});

	it('does not count what was deleted, delivered or not', async () => {
		const { stream, manager, publish, take, read, destroy } = await consumed();
		await publish(texts(100));
		await take(20);
		await manager.streams.deleteMessage(stream, 5);
		await manager.streams.deleteMessage(stream, 50);
		expect(await read()).toBe(98);
		await manager.streams.purge(stream);
		expect(await read()).toBe(0);
		await publish(texts(3));
		expect(await read()).toBe(3);
		await destroy();
	});

	it('does not count what a limit of the stream has thrown away', async () => {
		const { publish, take, read, destroy } = await consumed({ stream: { max_msgs: 1_000, discard: 'old' } });
		await publish(texts(500));
		await take(100);
		await publish(texts(2_000));
		expect(await read()).toBe(1_000);
		await destroy();
	});

	it('counts what two consumers hold', async () => {
		const { stream, connection, publish, take, read, destroy } = await consumed();
		const other = await jetstream(connection).consumers.get(stream, 'consumer');
		await publish(texts(50));
		const mine = await take(10);
		for await (const message of await other.fetch({ max_messages: 10, expires: 5_000 })) message.working();
		expect(await read()).toBe(50);
		for (const message of mine) message.ack();
		expect(await read()).toBe(40);
		await destroy();
	});

	it('counts what comes again after ack_wait once', async () => {
		const { publish, take, read, destroy } = await consumed({ consumer: { ack_wait: 500e6 } });
		await publish(texts(30));
		await take(10);
		await sleep(600);
		const again = await take(30);
		expect(again.length).toBe(30);
		expect(await read()).toBe(30);
		for (const message of again) message.ack();
		await until('all are acknowledged', async () => (await read()) === 0);
		await destroy();
	});

	it('does not count messages whose deliveries are used up, once somebody has asked for more', async () => {
		const { consumer, publish, take, read, destroy } = await consumed({
			consumer: { ack_wait: 300e6, max_deliver: 2 },
		});
		await publish(texts(10));
		await take(10);
		await sleep(400);
		await take(10);
		await until('the server gives them up', async () => {
			for await (const message of await consumer.fetch({ max_messages: 1, expires: 1_000 }))
				expect.fail(message.string());
			return (await read()) === 0;
		});
		await destroy();
	}, 30_000);

	it('is unknown, and says why, when the consumer is gone', async () => {
		const { stream, manager, read, publish, destroy } = await consumed();
		await publish(texts(5));
		await manager.consumers.delete(stream, 'consumer');
		await expect(read()).rejects.toThrow('consumer not found');
		await destroy();
	});

	it('refuses what is no consumer', () => {
		expect(() => natsLag({ consumer: {} as never })).toThrow(ConfigError);
		expect(() => natsLag({ consumer: {} as never })).toThrow('consumer: an object must be a consumer of JetStream');
	});
});

await describeWith(startNats, 'natsLag without its server', (server) => {
	it('is unknown, within the time-out of the client', async () => {
		const { consumer, publish, destroy } = await place(server.url, { stream: { storage: 'file' } });
		await publish(texts(5));
		const lag = natsLag({ consumer });
		expect(await lag.read()).toBe(5);
		await server.kill();
		await expect(lag.read()).rejects.toThrow();
		await server.restart();
		await until('the client is back', async () => (await lag.read()) === 5);
		await destroy();
	}, 30_000);
});

await describeWith(nats, 'natsAge', ({ url }) => {
	it('tells how long the oldest message that is not acknowledged has waited', async () => {
		const { consumer, manager, publish, take, connection, destroy } = await place(url);
		const age = natsAge({ consumer, manager });
		expect(await age.read()).toBe(0);
		await publish(texts(1));
		await sleep(1_000);
		await publish(texts(1, 1));
		expect(await age.read()).toBeGreaterThanOrEqual(950);
		const [first, second] = await take(2);
		expect(await age.read()).toBeGreaterThanOrEqual(950);
		// Measured before the answer, so that a slow machine cannot make it look too old.
		const startedMs = Date.now();
		second?.ack();
		await connection.flush();
		expect(await age.read()).toBeGreaterThanOrEqual(950);
		first?.ack();
		await connection.flush();
		expect(await age.read()).toBe(0);
		await publish(texts(1, 2));
		expect(await age.read()).toBeLessThanOrEqual(Date.now() - startedMs);
		await destroy();
	});

	it('passes over what the consumer is not for, and what was deleted', async () => {
		const { consumer, manager, stream, publish, destroy } = await place(url, { filter: 'b' });
		const age = natsAge({ consumer, manager });
		await publish(texts(3), 'a');
		await sleep(500);
		const startedMs = Date.now();
		await publish(texts(2), 'b');
		await manager.streams.deleteMessage(stream, 4);
		expect(await age.read()).toBeLessThanOrEqual(Date.now() - startedMs);
		await destroy();
	});

	it('refuses what is no manager', () => {
		const consumer = { info: () => Promise.reject(new Error('not asked')) };
		expect(() => natsAge({ consumer, manager: {} as never })).toThrow('manager: an object must be a JetStream manager');
	});
});
