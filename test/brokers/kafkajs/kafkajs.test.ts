import type { Consumer } from 'kafkajs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
	type KafkaRecord,
	kafkajsEachBatch,
	kafkajsEachMessage,
	kafkajsIntake,
	kafkajsLag,
} from '../../../src/kafkajs/index.js';
import { type IntakePlace, intakeConformance } from '../../../src/testing/index.js';
import { describeWith, type KafkaService, kafka, until } from '../../support/services.js';
import { MESSAGES, survives } from '../survival/survives.js';
import { type Place, placeOn, rebalance, shedderAt } from './place.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const decode = ({ message }: KafkaRecord): string => String(message.value);
const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);

await describeWith(kafka, 'brownout/kafkajs', (service) => {
	const ends: (() => Promise<unknown>)[] = [];
	afterEach(async () => {
		for (const end of ends.splice(0).reverse()) await end();
	});
	const newPlace = async (...args: [partitions?: number]): Promise<Place> => {
		const place = await placeOn(service, ...args);
		ends.push(() => place.destroy());
		return place;
	};
	/** A lag, and the consumer that it is about, not running. */
	const newLag = async (place: Place, fromBeginning?: boolean) => {
		const consumer = await place.consumer();
		await consumer.subscribe({ topic: place.topic, fromBeginning: fromBeginning === true });
		const lag = kafkajsLag({ kafka: place.kafka, consumer, fromBeginning });
		ends.push(async () => lag.close?.());
		return { consumer, read: async () => lag.read() };
	};

	describe.skipIf(service.mock)('kafkajsLag', () => {
		it('is what was produced and not committed, and unknown before the join and after the stop', async () => {
			const place = await newPlace(3);
			const { consumer, read } = await newLag(place, true);
			await place.produce(numbered('a', 30));
			expect(await read()).toBeNaN();
			let allowed = 10;
			let handled = 0;
			await consumer.run({
				eachMessage: async () => {
					await until('more is allowed', () => handled < allowed);
					handled++;
				},
				autoCommitThreshold: 1,
			});
			await until('10 are committed', async () => (await read()) === 20);
			expect(sum((await place.committed()).map((offset) => Math.max(0, offset)))).toBe(10);
			allowed = Number.POSITIVE_INFINITY;
			await until('all are committed', async () => (await read()) === 0);
			await place.produce(numbered('b', 5));
			await until('those too', () => handled === 35);
			await consumer.stop();
			expect(await read()).toBeNaN();
		});

		it('counts from the beginning where nothing was committed and the consumer begins there', async () => {
			const place = await newPlace(2);
			await place.produce(numbered('a', 7), 0);
			await place.produce(numbered('b', 4), 1);
			const { consumer, read } = await newLag(place, true);
			await paused(consumer);
			expect(await place.committed()).toEqual([-1, -1]);
			expect(await read()).toBe(11);
		});

		it('counts from the end that it first saw where nothing was committed and the consumer begins there', async () => {
			const place = await newPlace(2);
			await place.produce(numbered('a', 7), 0);
			const { consumer, read } = await newLag(place, false);
			await paused(consumer);
			expect(await read()).toBe(0);
			await place.produce(numbered('b', 3), 1);
			expect(await read()).toBe(3);
			expect(await place.committed()).toEqual([-1, -1]);
		});

		it('leaves out what was deleted before it was read', async () => {
			const place = await newPlace();
			await place.produce(numbered('a', 10));
			const { consumer, read } = await newLag(place, true);
			await place.admin.setOffsets({ ...place, partitions: [{ partition: 0, offset: '2' }] });
			await paused(consumer);
			expect(await read()).toBe(8);
			const { topic } = place;
			await place.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
			expect(await read()).toBe(4);
		});

		it('is 0 where more is committed than there is', async () => {
			const place = await newPlace();
			await place.produce(numbered('a', 3));
			await place.admin.setOffsets({ ...place, partitions: [{ partition: 0, offset: '9' }] });
			const { consumer, read } = await newLag(place, true);
			await paused(consumer);
			expect(await read()).toBe(0);
		});

		it('counts the partitions of its own consumer only, through a rebalance too', async () => {
			const place = await newPlace(4);
			for (let partition = 0; partition < 4; partition++)
				await place.produce(numbered('a', 10 ** partition), partition);
			const { consumer, read } = await newLag(place, true);
			const mine = await paused(consumer);
			expect(await read()).toBe(1111);
			const other = await newLag(place, true);
			const theirs = await paused(other.consumer);
			await until('two have joined', () => mine().length === 2 && theirs().length === 2);
			const expected = (partitions: readonly number[]) => sum(partitions.map((partition) => 10 ** partition));
			expect([await read(), await other.read()]).toEqual([expected(mine()), expected(theirs())]);
			expect(await read()).toBeLessThan(1111);
		});

		it('is 0 for a member that got no partition', async () => {
			const place = await newPlace();
			await place.produce(numbered('a', 10));
			const [one, other] = [await newLag(place, true), await newLag(place, true)];
			await paused(one.consumer);
			await paused(other.consumer);
			const readings = async () => [await one.read(), await other.read()].toSorted((a, b) => a - b);
			await until('one has everything', async () => String(await readings()) === '0,10');
		});

		it('rejects while there is no connection, and is back afterwards', async () => {
			const place = await newPlace();
			await place.produce(numbered('a', 4));
			let refusing = false;
			const consumer = await place.consumer();
			await consumer.subscribe({ topic: place.topic, fromBeginning: true });
			// The consumer's connection is another one, as that of the admin clients is the signal's own.
			const admin = () => {
				const made = place.kafka.admin();
				const { fetchOffsets } = made;
				made.fetchOffsets = (of) => (refusing ? Promise.reject(new Error('cut')) : fetchOffsets(of));
				return made;
			};
			const lag = kafkajsLag({ kafka: { admin }, consumer, fromBeginning: true });
			ends.push(async () => lag.close?.());
			await paused(consumer);
			expect(await lag.read()).toBe(4);
			refusing = true;
			await expect(lag.read()).rejects.toThrow('cut');
			refusing = false;
			expect(await lag.read()).toBe(4);
			place.cut();
			await until('it is connected again', async () => (await lag.read()) === 4);
			await lag.close?.();
			expect(await lag.read()).toBe(4);
		});
	});

	describe('kafkajsIntake', () => {
		interface Consuming extends IntakePlace {
			readonly place: Place;
			readonly consumer: Consumer;
		}
		const cases = intakeConformance<Consuming>({
			async place() {
				const place = await placeOn(service, service.mock ? 4 : 3);
				const { shedder } = await shedderAt(0);
				const consumer = await place.consumer();
				await consumer.subscribe({ topic: place.topic, fromBeginning: true });
				const intake = kafkajsIntake({ consumer });
				const delivered: string[] = [];
				const handle = (id: string) => void delivered.push(id);
				await consumer.run(kafkajsEachBatch({ consumer, shedder, decode, handle }));
				return {
					place,
					consumer,
					intake,
					delivered,
					produce: (ids) => place.produce(ids),
					destroy: () => place.destroy(),
				};
			},
			user: {
				pause: ({ consumer, place: { topic } }) => consumer.pause([{ topic }]),
				resume: ({ consumer, place: { topic } }) => consumer.resume([{ topic }]),
			},
			rebalance: ({ place, consumer }) => rebalance(place, place.groupId, consumer),
			async reconnect({ place, consumer }) {
				let beats = 0;
				const ended = consumer.on('consumer.heartbeat', () => void beats++);
				place.cut();
				await until('the consumer is heard again', () => beats > 0);
				ended();
			},
			timeoutMs: 30_000,
		});
		for (const { name, run, timeoutMs } of cases) it(name, run, timeoutMs);
		if (service.mock) return;

		it('pauses what is assigned while it is paused, before anything of it is delivered', async () => {
			const place = await newPlace(4);
			const delivered: string[] = [];
			const { consumer, intake } = await running(place, (text) => void delivered.push(text));
			await rebalance(place, place.groupId, consumer);
			await intake.pause();
			// The other member had two of them and gave them back.
			await rebalance(place, place.groupId, consumer);
			await place.produce(numbered('a', 40));
			expect(consumer.paused().flatMap(({ partitions }) => partitions).length).toBe(4);
			await quiet(place);
			expect(delivered).toEqual([]);
			await intake.resume();
			await until('all are delivered', () => delivered.length === 40);
		});

		it('can be paused before the consumer has joined', async () => {
			const place = await newPlace();
			await place.produce(numbered('a', 3));
			const delivered: string[] = [];
			const { intake } = await running(place, (text) => void delivered.push(text), { pausedFirst: true });
			await quiet(place);
			expect(delivered).toEqual([]);
			await intake.resume();
			await until('all are delivered', () => delivered.length === 3);
		});

		it('is still paused when the consumer is stopped and runs again, of which KafkaJS knows nothing', async () => {
			const place = await newPlace();
			const delivered: string[] = [];
			const { consumer, intake, run } = await running(place, (text) => void delivered.push(text));
			await intake.pause();
			consumer.pause([{ topic: place.topic }]);
			await consumer.stop();
			await run();
			await place.produce(numbered('a', 3));
			await quiet(place);
			expect(delivered).toEqual([]);
			await intake.resume();
			await until('all are delivered', () => delivered.length === 3);
		});

		it("keeps the user's pause of one partition apart from its own, in any order of the calls", async () => {
			const place = await newPlace(2);
			const { consumer, intake } = await running(place, () => {});
			const { topic } = place;
			const isPaused = () => consumer.paused().flatMap(({ partitions }) => partitions);
			consumer.pause([{ topic, partitions: [1] }]);
			await intake.pause();
			expect(isPaused()).toEqual([0, 1]);
			await intake.resume();
			expect(isPaused()).toEqual([1]);
			await intake.pause();
			consumer.resume([{ topic, partitions: [1] }]);
			expect(isPaused()).toEqual([0, 1]);
			await intake.resume();
			expect(isPaused()).toEqual([]);
			consumer.pause([{ topic }]);
			await intake.pause();
			consumer.resume([{ topic, partitions: [0] }]);
			await intake.resume();
			expect(isPaused()).toEqual([1]);
			expect(() => consumer.pause([{ topic: '' }])).toThrow('Invalid topic');
			expect(isPaused()).toEqual([1]);
		});
	});

	describe.skipIf(service.mock)('the handlers', () => {
		it('end a batch when it is paused, and go on with the same message', async () => {
			const place = await newPlace();
			const delivered: string[] = [];
			const { consumer, intake } = await running(place, async (text) => {
				delivered.push(text);
				if (delivered.length === 5) await intake.pause();
			});
			await place.produce(numbered('c', 50));
			await until('it is paused', () => consumer.paused().length === 1);
			await until('what was done is committed', async () => String(await place.committed()) === '5');
			expect(delivered).toEqual(numbered('c', 5));
			await intake.resume();
			await until('the rest is delivered', () => delivered.length === 50);
			expect(delivered).toEqual(numbered('c', 50));
		});

		it.each([
			['kafkajsEachBatch', kafkajsEachBatch],
			['kafkajsEachMessage', kafkajsEachMessage],
		])('%s leaves a rejected message and all behind it with the broker, and does not loop hot', async (_, wrapper) => {
			const place = await newPlace();
			const delivered: string[] = [];
			const level = await shedderAt(1);
			const { shedder } = level;
			const decoded = vi.fn(decode);
			const consumer = await place.consumer();
			await consumer.subscribe({ topic: place.topic, fromBeginning: true });
			const handle = (text: string) => void delivered.push(text);
			await place.produce(['c0', 'l1', 'b2', 'n3', 'b4', 'c5']);
			await consumer.run(wrapper({ consumer, shedder, decode: decoded, handle, retryMs: 400 }));
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
			await level.set(0);
			await until('the rest is handled', () => delivered.includes('c5'));
			expect(delivered.filter((text) => !text.startsWith('b'))).toEqual(['c0', 'n3', 'c5']);
			await until('all are committed', async () => String(await place.committed()) === '6');
		});

		it('hold up only the partition of a rejected message, and free it when the level is back', async () => {
			const place = await newPlace(2);
			const delivered: string[] = [];
			const level = await shedderAt(1);
			const consumer = await place.consumer();
			await consumer.subscribe({ topic: place.topic, fromBeginning: true });
			const handle = (text: string) => void delivered.push(text);
			await consumer.run(kafkajsEachBatch({ consumer, shedder: level.shedder, decode, handle, retryMs: 200 }));
			await place.produce(['n0', 'c1'], 0);
			await place.produce(['c2', 'c3'], 1);
			await until('the other partition is handled', () => delivered.length === 2);
			expect(delivered).toEqual(['c2', 'c3']);
			await level.set(0);
			await until('this one too', () => delivered.length === 4);
			expect(delivered.slice(2)).toEqual(['n0', 'c1']);
		});

		it('give a message whose handler throws, or that cannot be decoded, back to KafkaJS, and commit what came before', async () => {
			const place = await newPlace();
			const { shedder } = await shedderAt(0);
			const delivered: string[] = [];
			const failing = new Set(['c2', 'c4']);
			const consumer = await place.consumer();
			await consumer.subscribe({ topic: place.topic, fromBeginning: true });
			const handle = (text: string) => {
				if (text === 'c2' && failing.delete(text)) throw new Error('not now');
				delivered.push(text);
			};
			const strict = (record: KafkaRecord) => {
				const text = decode(record);
				if (text === 'c4' && failing.delete(text)) throw new Error('no text');
				return text;
			};
			await place.produce(numbered('c', 6));
			await consumer.run(kafkajsEachBatch({ consumer, shedder, decode: strict, handle }));
			await until('all are handled', () => delivered.length === 6);
			expect(delivered).toEqual(numbered('c', 6));
			expect(failing.size).toBe(0);
			await until('all are committed', async () => String(await place.committed()) === '6');
		});

		it('keep their place in the group while a handler takes longer than the session', async () => {
			const place = await newPlace();
			let joins = 0;
			const delivered: string[] = [];
			const { consumer } = await running(place, async (text) => {
				const sinceMs = performance.now();
				// A session lasts for 6 s.
				if (delivered.length === 0) await until('time has passed', () => performance.now() - sinceMs > 8_000);
				delivered.push(text);
			});
			consumer.on('consumer.group_join', () => void joins++);
			await place.produce(numbered('c', 3));
			await until('all are handled', () => delivered.length === 3, 40_000);
			await until('all are committed', async () => String(await place.committed()) === '3');
			expect([joins, delivered]).toEqual([0, numbered('c', 3)]);
		});

		it('let timers and answers have their turn between handlers that wait for nothing', async () => {
			const place = await newPlace();
			let handled = 0;
			let turns = 0;
			const timer = setInterval(() => void (handled > 0 && handled < 400 && turns++), 5);
			ends.push(async () => clearInterval(timer));
			await place.produce(numbered('c', 400));
			await running(place, () => {
				for (const endMs = performance.now() + 1; performance.now() < endMs; );
				handled++;
			});
			await until('all are handled', () => handled === 400);
			// 400 ms of work, in parts of at most some 64 ms.
			expect(turns).toBeGreaterThan(3);
		});

		it('settle what was spilled before a stop gives the partitions away, and commit it', async () => {
			const place = await newPlace();
			const { shedder } = await shedderAt(1);
			const delivered: string[] = [];
			const consumer = await place.consumer();
			await consumer.subscribe({ topic: place.topic, fromBeginning: true });
			const handle = (text: string) => void delivered.push(text);
			await place.produce(numbered('b', 300));
			await consumer.run(kafkajsEachBatch({ consumer, shedder, decode, handle }));
			await until('some are spilled', () => shedder.stats().spilled > 0);
			await consumer.stop();
			const { spilled, inFlight } = shedder.stats();
			expect(inFlight).toBe(0);
			expect(await place.committed()).toEqual([spilled]);
		});
	});

	if (!service.mock) survivesOn(service);

	/** A running consumer on everything, with an intake. */
	async function running(
		place: Place,
		handle: (text: string) => void | Promise<void>,
		{ pausedFirst = false }: { readonly pausedFirst?: boolean } = {},
	) {
		const { shedder } = await shedderAt(0);
		const consumer = await place.consumer();
		await consumer.subscribe({ topic: place.topic, fromBeginning: true });
		const intake = kafkajsIntake({ consumer });
		if (pausedFirst) await intake.pause();
		const run = () => consumer.run(kafkajsEachBatch({ consumer, shedder, decode, handle }));
		await run();
		return { consumer, intake, run };
	}
});

describe('wrong options of brownout/kafkajs', () => {
	const consumer = { on: () => () => {}, pause: () => {}, resume: () => {}, paused: () => [] };
	const shedder = { ladder: { spec: { levels: [] } }, decide: () => ({ action: 'process' as const }) };
	const wraps = { wrap: () => async () => never(), wrapBatch: () => async () => [] };
	const good = { consumer, shedder: { ...shedder, ...wraps }, decode, handle: () => {} };
	const never = () => ({ action: 'drop' as const });
	const wrong = (value: unknown) => value as never;

	it.each([
		['consumer: an object must be a consumer of kafkajs', () => kafkajsIntake({ consumer: wrong({}) })],
		['residual: -1 must be a whole number of at least 0', () => kafkajsIntake({ consumer, residual: -1 })],
		['kafka: 1 must be a Kafka of kafkajs: it has admin', () => kafkajsLag({ kafka: wrong(1), consumer })],
		[
			'fromBeginning: "yes" must be a boolean',
			() => kafkajsLag({ kafka: { admin: wrong(() => {}) }, consumer, fromBeginning: wrong('yes') }),
		],
		['shedder: undefined must be a load shedder', () => kafkajsEachBatch({ ...good, shedder: wrong(undefined) })],
		['partMax: 0 must be a whole number of at least 1', () => kafkajsEachBatch({ ...good, partMax: 0 })],
		['decode: 1 must be a function', () => kafkajsEachBatch({ ...good, decode: wrong(1) })],
		['retryMs: 0 must be a number from 1 to 3600000', () => kafkajsEachMessage({ ...good, retryMs: 0 })],
	])('are refused: %s', (message, make) => expect(make).toThrow(message));
});

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Runs a consumer that takes nothing in. @returns what is assigned to it, asked again each time. */
async function paused(consumer: Consumer): Promise<() => readonly number[]> {
	const { pause } = consumer;
	let assigned: readonly number[] = [];
	let joined = false;
	consumer.on('consumer.group_join', ({ payload }) => {
		assigned = Object.values(payload.memberAssignment).flat();
		joined = true;
		pause(Object.entries(payload.memberAssignment).map(([topic, partitions]) => ({ topic, partitions })));
	});
	await consumer.run({ eachMessage: async () => {} });
	await until('it has joined', () => joined);
	return () => assigned;
}

/** Long enough for a consumer to have fetched what it should not. */
async function quiet({ kafka, topic }: Place): Promise<void> {
	// Another consumer, begun now, has read everything by the time this resolves.
	const consumer = kafka.consumer({ groupId: `q-${topic}`, maxWaitTimeInMs: 100 });
	let seen = 0;
	await consumer.connect();
	await consumer.subscribe({ topic, fromBeginning: true });
	await consumer.run({ eachMessage: async () => void seen++ });
	await until('another consumer has read something', () => seen > 0);
	await consumer.disconnect();
}

function survivesOn(service: KafkaService): void {
	survives({
		broker: 'kafkajs',
		ordered: true,
		disturbance: 'rebalance',
		async prepare() {
			const place = await placeOn(service, 2);
			const { topic, groupId } = place;
			// Seen when all of them are there, so that no consumer is quick enough to be spared the overload.
			const producer = place.kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
			await producer.connect();
			const transaction = await producer.transaction();
			let produced = 0;
			return {
				// Parts in proportion, or a short course would be over in two of them.
				place: { brokers: service.url, topic, groupId, partMax: String(Math.ceil(MESSAGES / 200)) },
				async produce(messages) {
					const values = messages.map((message) => ({ key: message.key, value: JSON.stringify(message) }));
					await transaction.send({ topic, messages: values });
					produced += values.length;
					if (produced === MESSAGES) await transaction.commit();
				},
				async disturb() {
					const other = await place.consumer();
					await other.subscribe({ topic });
					let joined = false;
					other.on('consumer.group_join', ({ payload }) => {
						joined = true;
						other.pause(
							Object.entries(payload.memberAssignment).map(([name, partitions]) => ({ topic: name, partitions })),
						);
					});
					await other.run({ eachMessage: async () => {} });
					await until('the other has joined', () => joined);
					await other.disconnect();
				},
				async left() {
					const ends = await place.admin.fetchTopicOffsets(topic);
					const committed = await place.committed();
					return sum(ends.map(({ partition, high }) => Number(high) - Math.max(0, committed[partition] ?? 0)));
				},
				async destroy() {
					await producer.disconnect();
					await place.destroy();
				},
			};
		},
	});
}
