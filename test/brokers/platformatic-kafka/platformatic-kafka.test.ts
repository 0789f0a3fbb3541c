import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
	type PlatformaticMessage,
	platformaticKafkaIntake,
	platformaticKafkaLag,
	platformaticKafkaRun,
} from '../../../src/platformatic-kafka/index.js';
import { type IntakePlace, intakeConformance } from '../../../src/testing/index.js';
import { apacheKafka, describeWith, type KafkaService, until } from '../../support/services.js';
import { type Place, placeOn, shedderAt } from '../kafkajs/place.js';
import { survives } from '../survival/survives.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const decode = ({ value }: PlatformaticMessage<string, string>): string => value;
const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

type Client = Consumer<string, string, string, string>;

function clientOf(url: string, groupId: string): Client {
	return new Consumer({
		clientId: 'brownout-test',
		bootstrapBrokers: url.split(','),
		groupId,
		deserializers: stringDeserializers,
		...{ sessionTimeout: 6_000, heartbeatInterval: 200, rebalanceTimeout: 10_000, maxWaitTime: 100 },
	});
}

/** Every connection of this process to the broker. */
const sockets = new Set<Socket>();
subscribe('net.client.socket', (message) => {
	const { socket } = message as { readonly socket: Socket };
	sockets.add(socket);
	socket.once('close', () => sockets.delete(socket));
});

async function streamOf(consumer: Client, topic: string, fallbackMode: 'earliest' | 'latest' = 'earliest') {
	return consumer.consume({ topics: [topic], mode: 'committed', fallbackMode, autocommit: false });
}

/** Another member takes a share of the partitions, reads nothing, and goes again. */
async function rebalance(url: string, { topic, groupId }: Place, mine: Client): Promise<void> {
	let joins = 0;
	const joined = () => void joins++;
	mine.on('consumer:group:join', joined);
	const other = clientOf(url, groupId);
	await streamOf(other, topic);
	await until('the group has two members', () => joins > 0);
	const before = joins;
	await other.close(true);
	await until('the group has one member again', () => joins > before);
	mine.off('consumer:group:join', joined);
}

await describeWith(apacheKafka, 'brownout/platformatic-kafka', (service) => {
	const { url } = service;
	const ends: (() => Promise<unknown>)[] = [];
	afterEach(async () => {
		for (const end of ends.splice(0).reverse()) await end();
	});
	const newPlace = async (partitions?: number): Promise<Place> => {
		const place = await placeOn(service, partitions);
		ends.push(() => place.destroy());
		return place;
	};
	const newClient = ({ groupId }: Place): Client => {
		const consumer = clientOf(url, groupId);
		ends.push(async () => consumer.close(true));
		return consumer;
	};

	describe('platformaticKafkaLag', () => {
		const newLag = (place: Place, fallbackMode?: 'earliest' | 'latest') => {
			const consumer = newClient(place);
			const lag = platformaticKafkaLag({ consumer, fallbackMode });
			const joined = async () => {
				await streamOf(consumer, place.topic, fallbackMode);
			};
			return { consumer, joined, read: async () => lag.read() };
		};

		it('is what was produced and not committed, and unknown before the join and after the end', async () => {
			const place = await newPlace(3);
			await place.produce(numbered('a', 30));
			const { consumer, joined, read } = newLag(place, 'earliest');
			expect(await read()).toBeNaN();
			await joined();
			expect(await read()).toBe(30);
			const committed = [4, 0, 6];
			await consumer.commit({
				offsets: committed.map((offset, partition) => ({
					...{ topic: place.topic, partition, offset: BigInt(offset), leaderEpoch: -1 },
				})),
			});
			const ends = await place.admin.fetchTopicOffsets(place.topic);
			const counted = sum(ends.map(({ partition, high }) => Math.max(0, Number(high) - (committed[partition] ?? 0))));
			expect(await read()).toBe(counted);
			await consumer.close(true);
			expect(await read()).toBeNaN();
		});

		it('counts from the end that it first saw where nothing was committed and the consumer begins there', async () => {
			const place = await newPlace(2);
			await place.produce(numbered('a', 7), 0);
			const { joined, read } = newLag(place, 'latest');
			await joined();
			expect(await read()).toBe(0);
			await place.produce(numbered('b', 3), 1);
			expect(await read()).toBe(3);
			expect(await place.committed()).toEqual([-1, -1]);
		});

		it('leaves out what was deleted before it was read, and is 0 where more is committed than there is', async () => {
			const place = await newPlace();
			const { topic } = place;
			await place.produce(numbered('a', 10));
			await place.admin.setOffsets({ ...place, partitions: [{ partition: 0, offset: '2' }] });
			const { consumer, joined, read } = newLag(place, 'earliest');
			await joined();
			expect(await read()).toBe(8);
			await place.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
			await until('the broker has deleted them', async () => (await read()) === 4);
			await consumer.commit({ offsets: [{ topic, partition: 0, offset: 90n, leaderEpoch: -1 }] });
			expect(await read()).toBe(0);
		});

		it('counts the partitions of its own consumer only, through a rebalance too, and is 0 without any', async () => {
			const place = await newPlace(2);
			await place.produce(numbered('a', 1), 0);
			await place.produce(numbered('a', 10), 1);
			const lags = [newLag(place, 'earliest'), newLag(place, 'earliest'), newLag(place, 'earliest')];
			const readings = async () => (await Promise.all(lags.map(({ read }) => read()))).toSorted((a, b) => a - b);
			await lags[0]?.joined();
			expect(await lags[0]?.read()).toBe(11);
			// A join waits for the others of the group.
			await Promise.all([lags[1]?.joined(), lags[2]?.joined()]);
			await until('each has its share', async () => String(await readings()) === '0,1,10');
		});
	});

	describe('platformaticKafkaIntake', () => {
		interface Consuming extends IntakePlace {
			readonly place: Place;
			readonly consumer: Client;
			readonly stream: Awaited<ReturnType<typeof streamOf>>;
		}
		const cases = intakeConformance<Consuming>({
			async place() {
				const place = await placeOn(service, 3);
				const { shedder } = await shedderAt(0);
				const consumer = clientOf(url, place.groupId);
				const stream = await streamOf(consumer, place.topic);
				const intake = platformaticKafkaIntake({ stream });
				const delivered: string[] = [];
				const handle = (id: string) => void delivered.push(id);
				const running = platformaticKafkaRun({ stream, shedder, decode, handle });
				return {
					...{ place, consumer, stream, intake, delivered },
					produce: (ids) => place.produce(ids),
					async destroy() {
						await stream.close();
						await running;
						await consumer.close(true);
						await place.destroy();
					},
				};
			},
			user: {
				pause: ({ stream }) => void stream.pause(),
				resume: ({ stream }) => void stream.resume(),
			},
			rebalance: ({ place, consumer }) => rebalance(url, place, consumer),
			async reconnect({ consumer }) {
				let beats = 0;
				const beat = () => void beats++;
				consumer.on('consumer:heartbeat:end', beat);
				expect(sockets.size).toBeGreaterThan(0);
				for (const socket of sockets) socket.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
				await until('the consumer is heard again', () => beats > 0);
				consumer.off('consumer:heartbeat:end', beat);
			},
			timeoutMs: 30_000,
		});
		for (const { name, run, timeoutMs } of cases) it(name, run, timeoutMs);

		it("keeps the user's pause through a rebalance too", async () => {
			const place = await newPlace(2);
			const { shedder } = await shedderAt(0);
			const consumer = newClient(place);
			const stream = await streamOf(consumer, place.topic);
			const intake = platformaticKafkaIntake({ stream });
			const delivered: string[] = [];
			const handle = (text: string) => void delivered.push(text);
			const ended = platformaticKafkaRun({ stream, shedder, decode, handle });
			stream.pause();
			await intake.pause();
			await rebalance(url, place, consumer);
			await intake.resume();
			await place.produce(numbered('a', 10));
			await rebalance(url, place, consumer);
			expect(delivered).toEqual([]);
			stream.resume();
			await until('all are delivered', () => delivered.length === 10);
			await stream.close();
			await ended;
		});

		it('stops a listener of data at once, and does not let it flow where nobody listens', async () => {
			const place = await newPlace();
			await place.produce(numbered('a', 50));
			const consumer = newClient(place);
			const stream = await streamOf(consumer, place.topic);
			const intake = platformaticKafkaIntake({ stream });
			await intake.pause();
			await intake.resume();
			const seen: string[] = [];
			await until('a fetch would have been under way', async () => (await place.committed()).length === 1);
			stream.on('data', ({ value }) => {
				seen.push(value);
				if (seen.length === 5) void intake.pause();
			});
			await until('it is paused', () => seen.length >= 5);
			// Whatever comes at all comes within a turn or two of a loop that has everything in its buffer.
			await until('time has passed', async () => (await place.committed()).length === 1);
			expect(seen).toEqual(numbered('a', 5));
			await intake.resume();
			await until('all have come', () => seen.length === 50);
			expect(seen).toEqual(numbered('a', 50));
		});
	});

	describe('platformaticKafkaRun', () => {
		async function running(
			place: Place,
			{
				pressure = 0,
				...options
			}: Partial<Parameters<typeof platformaticKafkaRun<never, string, never>>[0]> & { pressure?: 0 | 1 } = {},
		) {
			const level = await shedderAt(pressure);
			const consumer = newClient(place);
			const stream = await streamOf(consumer, place.topic);
			const delivered: string[] = [];
			const handle = (text: string) => void delivered.push(text);
			const decoded = vi.fn(decode);
			const ended = platformaticKafkaRun({
				...{ stream, shedder: level.shedder, decode: decoded, handle, commitEveryMs: 100 },
				...(options as object),
			});
			const close = async () => {
				await stream.close();
				await ended;
			};
			return { ...level, consumer, stream, delivered, decoded, ended, close };
		}

		it('leaves a rejected message and all behind it with the broker, and does not loop hot', async () => {
			const place = await newPlace();
			await place.produce(['c0', 'l1', 'b2', 'n3', 'b4', 'c5']);
			const { shedder, delivered, decoded, set, close } = await running(place, { pressure: 1, retryMs: 400 });
			await until('the rejected one is reached', () => shedder.stats().rejected > 0);
			// Neither dropped nor spilled nor processed, nor anything behind it; what is before it is done with.
			await until('the rest is committed', async () => String(await place.committed()) === '3');
			expect(delivered).toEqual(['c0']);
			expect(shedder.stats()).toMatchObject({ dropped: 1, spilled: 1 });
			const looks = decoded.mock.calls.length;
			const sinceMs = performance.now();
			await until('it was tried again', () => decoded.mock.calls.length > looks + 1);
			// Never earlier than the back-off, of which one may have been under way.
			expect(performance.now() - sinceMs).toBeGreaterThan(300);
			expect(shedder.stats().spilled).toBe(1);
			await set(0);
			await until('the rest is handled', () => delivered.includes('c5'));
			expect(delivered.filter((text) => !text.startsWith('b'))).toEqual(['c0', 'n3', 'c5']);
			await until('all are committed', async () => String(await place.committed()) === '6');
			await close();
		});

		it('holds up only the partition of a rejected message, and hands it on when the level is back', async () => {
			const place = await newPlace(2);
			const { delivered, set, close } = await running(place, { pressure: 1, retryMs: 200 });
			await place.produce(['n0', 'c1'], 0);
			await place.produce(['c2', 'c3'], 1);
			await until('the other partition is handled', () => delivered.length === 2);
			expect(delivered).toEqual(['c2', 'c3']);
			await set(0);
			await until('this one too', () => delivered.length === 4);
			expect(delivered.slice(2)).toEqual(['n0', 'c1']);
			await close();
		});

		it('loses nothing that waits through a rebalance, of partitions that stay and of such that go and come back, in order', async () => {
			const place = await newPlace(2);
			const { consumer, delivered, set, close } = await running(place, { pressure: 1, retryMs: 100 });
			for (const partition of [0, 1])
				await place.produce(
					['n0', 'c1', 'c2'].map((text) => `${text}-${partition}`),
					partition,
				);
			await rebalance(url, place, consumer);
			await place.produce(['c3-0'], 0);
			await set(0);
			await until('all are handled', () => new Set(delivered).size === 7);
			await until('all are committed', async () => String(await place.committed()) === '4,3');
			expect(delivered.filter((text) => text.endsWith('-0'))).toEqual(['n0-0', 'c1-0', 'c2-0', 'c3-0']);
			expect(delivered.filter((text) => text.endsWith('-1'))).toEqual(['n0-1', 'c1-1', 'c2-1']);
			await close();
		});

		it('rejects with what a handler throws, having committed what came before, and a new stream begins there', async () => {
			const place = await newPlace();
			await place.produce(numbered('c', 6));
			const handled: string[] = [];
			const handle = (text: string) => {
				if (text === 'c3' && !handled.includes('c3 failed')) {
					handled.push('c3 failed');
					throw new Error('not now');
				}
				handled.push(text);
			};
			const first = await running(place, { handle: handle as never });
			await expect(first.ended).rejects.toThrow('not now');
			expect(await place.committed()).toEqual([3]);
			await first.stream.close();
			const stream = await streamOf(first.consumer, place.topic);
			const ended = platformaticKafkaRun({ stream, shedder: first.shedder, decode, handle, name: 'again' });
			await until('the rest is handled', () => handled.includes('c5'));
			expect(handled).toEqual(['c0', 'c1', 'c2', 'c3 failed', 'c3', 'c4', 'c5']);
			await stream.close();
			await ended;
			expect(await place.committed()).toEqual([6]);
		});

		it('rejects with what decode throws, having handled what came before', async () => {
			const place = await newPlace();
			await place.produce(['c0', 'c1', 'oops', 'c3']);
			const strict = (message: PlatformaticMessage<string, string>) => {
				if (message.value === 'oops') throw new Error('no text');
				return message.value;
			};
			const { ended, delivered } = await running(place, { decode: strict as never });
			await expect(ended).rejects.toThrow('no text');
			expect(delivered).toEqual(['c0', 'c1']);
			expect(await place.committed()).toEqual([2]);
		});

		it('rejects when the stream commits by itself, because then a crash would lose what was fetched', async () => {
			const place = await newPlace();
			await place.produce(numbered('c', 3));
			const { shedder } = await shedderAt(0);
			const consumer = newClient(place);
			const stream = await consumer.consume({ topics: [place.topic], mode: 'earliest' });
			const ended = platformaticKafkaRun({ stream, shedder, decode, handle: () => {} });
			await expect(ended).rejects.toThrow('the stream commits by itself: consume with autocommit: false');
		});

		it('settles and commits what is spilled when the stream is closed in the middle', async () => {
			const place = await newPlace();
			await place.produce(numbered('b', 300));
			const { shedder, close } = await running(place, { pressure: 1, partMax: 10, commitEveryMs: 60_000 });
			await until('some are spilled', () => shedder.stats().spilled > 0);
			await close();
			const { spilled, inFlight } = shedder.stats();
			expect(inFlight).toBe(0);
			expect(await place.committed()).toEqual([spilled]);
		});

		it('ends a part when it is paused, and goes on with the same message', async () => {
			const place = await newPlace();
			const { shedder } = await shedderAt(0);
			const consumer = newClient(place);
			const stream = await streamOf(consumer, place.topic);
			const intake = platformaticKafkaIntake({ stream });
			const delivered: string[] = [];
			const handle = (text: string) => {
				delivered.push(text);
				if (delivered.length === 5) void intake.pause();
			};
			const ended = platformaticKafkaRun({ stream, shedder, decode, handle, commitEveryMs: 50 });
			await place.produce(numbered('c', 50));
			await until('what was done is committed', async () => String(await place.committed()) === '5');
			expect(delivered).toEqual(numbered('c', 5));
			await intake.resume();
			await until('the rest is delivered', () => delivered.length === 50);
			expect(delivered).toEqual(numbered('c', 50));
			await stream.close();
			await ended;
		});
	});

	survivesOn(service);
});

describe('wrong options of brownout/platformatic-kafka', () => {
	const nothing = () => {};
	const consumer = { on: nothing, listOffsets: nothing, listCommittedOffsets: nothing, commit: nothing } as never;
	const stream = { pause: nothing, resume: nothing, close: nothing, read: nothing, consumer } as never;
	const shedder = { wrapBatch: () => async () => [] } as never;
	const good = { stream, shedder, decode: () => '', handle: nothing };
	const wrong = (value: unknown) => value as never;

	it.each([
		['stream: an object must be a stream of @platformatic/kafka', () => platformaticKafkaIntake({ stream: wrong({}) })],
		['residual: -1 must be a whole number of at least 0', () => platformaticKafkaIntake({ stream, residual: -1 })],
		['consumer: 1 must be a consumer of @platformatic/kafka', () => platformaticKafkaLag({ consumer: wrong(1) })],
		[
			'fallbackMode: "fail" must be "latest" or "earliest"',
			() => platformaticKafkaLag({ consumer, fallbackMode: wrong('fail') }),
		],
		['shedder: undefined must be a load shedder', () => platformaticKafkaRun({ ...good, shedder: wrong(undefined) })],
		['partMax: 0 must be a whole number of at least 1', () => platformaticKafkaRun({ ...good, partMax: 0 })],
		['decode: 1 must be a function', () => platformaticKafkaRun({ ...good, decode: wrong(1) })],
		['commitEveryMs: 0 must be a number from 1 to 3600000', () => platformaticKafkaRun({ ...good, commitEveryMs: 0 })],
		['retryMs: 0 must be a number from 1 to 3600000', () => platformaticKafkaRun({ ...good, retryMs: 0 })],
	])('are refused: %s', (message, make) => expect(make).toThrow(message));
});

function survivesOn(service: KafkaService): void {
	const { url } = service;
	survives({
		broker: 'platformatic-kafka',
		ordered: true,
		disturbance: 'rebalance',
		async prepare() {
			const place = await placeOn(service, 2);
			const { topic, groupId } = place;
			return {
				// Small parts, so that the ladder has the time to climb before all is taken up.
				place: { brokers: url, topic, groupId, partMax: String(Number(process.env.SURVIVAL_MESSAGES ?? 5_000) / 50) },
				async produce(messages) {
					const values = messages.map((message) => ({ key: message.key, value: JSON.stringify(message) }));
					await place.producer.send({ topic, messages: values });
				},
				async disturb() {
					const other = clientOf(url, groupId);
					// Resolves when it has joined.
					await streamOf(other, topic);
					await other.close(true);
				},
				async left() {
					const ends = await place.admin.fetchTopicOffsets(topic);
					const committed = await place.committed();
					return sum(ends.map(({ partition, high }) => Number(high) - Math.max(0, committed[partition] ?? 0)));
				},
				destroy: () => place.destroy(),
			};
		},
	});
}
