import { describe, expect, it } from 'vitest';
import { memorySpill, SpillFullError, type SpillStore } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { driver, expectNoLeaks, imbalance, LOAD, type Message, slow } from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

const acts = fc.array(
	fc.oneof(
		{
			weight: 6,
			arbitrary: fc.record({
				do: fc.constant('offer' as const),
				key: fc.constantFrom('G1', 'S1', 'a', 'b'),
				many: fc.integer({ min: 1, max: 4 }),
			}),
		},
		{
			weight: 3,
			arbitrary: fc.record({
				do: fc.constant('load' as const),
				level: fc.constantFrom<keyof typeof LOAD>('NORMAL', 'SOFT', 'AGGRESSIVE', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
			}),
		},
		{
			weight: 4,
			arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(50, 500, 1_000, 2_500) }),
		},
		{
			weight: 1,
			arbitrary: fc.record({
				do: fc.constant('store' as const),
				how: fc.constantFrom('works' as const, 'works' as const, 'fails' as const, 'is full' as const),
			}),
		},
		{ weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'crash' as const) }) },
	),
	{ minLength: 10, maxLength: 80 },
);

describe('conservation over restarts (M5)', () => {
	it('M5: whatever is stopped or crashes, and however the store fails, each message that was answered "spill" is handled at least once', async () => {
		const given = fc.record({
			keyFence: fc.boolean(),
			poison: fc.boolean(),
			concurrency: fc.constantFrom(1, 3),
			script: acts,
		});
		let crashed = 0;
		let replays = 0;
		await fc.assert(
			fc.asyncProperty(given, async ({ keyFence, poison, concurrency, script }) => {
				const inner = memorySpill();
				const letters = memorySpill();
				let how: 'works' | 'fails' | 'is full' = 'works';
				const promised = new Set<number>();
				const handled = new Set<number>();
				let n = 0;
				let load = 0;

				/** One process: when it dies, nothing of it reaches the store any more. */
				const begin = () => {
					const clock = manualClock(1_000);
					const life = { dead: false };
					const alive = <T>(work: () => Promise<T>): Promise<T> => (life.dead ? new Promise(() => {}) : work());
					const store: SpillStore = {
						...inner,
						open: () => alive(() => inner.open()),
						append: (batch) =>
							alive(async () => {
								if (how === 'fails') throw new Error('no disk');
								if (how === 'is full') throw new SpillFullError('no room');
								await inner.append(batch);
							}),
						read: (options) => alive(() => inner.read(options)),
						ack: (partition, upTo) => alive(() => inner.ack(partition, upTo)),
					};
					const made = driver({
						clock,
						spill: { store, keyFence, deadLetters: letters },
						replay: { concurrency, attempts: 2 },
					});
					made.shedder.on('failed', () => {});
					const handler = async (message: Message) => {
						if (life.dead) return new Promise<void>(() => {});
						if (poison && (message.n ?? 0) % 7 === 3) throw new Error('poison');
						handled.add(message.n as number);
					};
					const handle = made.shedder.wrapBatch(handler);
					made.setLoad(load);
					made.shedder.start();
					return { ...made, clock, life, handle };
				};

				let made = begin();
				const balanced = () => {
					const stats = made.shedder.stats();
					expect(imbalance(stats)).toBe(0);
					expect(stats).toMatchObject({ lost: 0, protectedShed: 0 });
				};
				for (const act of script) {
					if (act.do === 'offer') {
						const messages = Array.from({ length: act.many }, () => ({ key: act.key, n: n++ }));
						const offered = made.handle(messages).then(
							(outcomes) => {
								for (const [i, { action }] of outcomes.entries()) {
									if (action === 'spill') promised.add(messages[i]?.n as number);
								}
							},
							// Poison that is handled live: its batch is not acknowledged.
							() => {},
						);
						await made.clock.advance(0);
						await offered;
					} else if (act.do === 'load') {
						load = LOAD[act.level];
						made.setLoad(load);
					} else if (act.do === 'advance') await made.clock.advance(act.ms);
					else if (act.do === 'store') how = act.how;
					else {
						replays += made.shedder.stats().replayed;
						if (act.do === 'crash') {
							crashed++;
							made.life.dead = true;
						} else {
							const stopping = made.shedder.stop();
							await made.clock.advance(30_000);
							await stopping;
							balanced();
						}
						made = begin();
						continue;
					}
					balanced();
				}
				load = 0;
				how = 'works';
				made.setLoad(0);
				await made.clock.advance(5_000);
				for (let turn = 0; turn < 600 && made.shedder.stats().waiting > 0; turn++) {
					await made.clock.advance(1_000);
					balanced();
				}
				await letters.open();
				const buried = await letters.read({ partition: 0, maxRecords: 1_000 });
				for (const { payload } of buried) handled.add(JSON.parse(new TextDecoder().decode(payload)).n);
				expect(made.shedder.stats().waiting).toBe(0);
				for (const message of promised) expect(handled.has(message), `message ${message}`).toBe(true);
				replays += made.shedder.stats().replayed;
				const stopping = made.shedder.stop();
				await made.clock.advance(30_000);
				await stopping;
			}),
			slow,
		);
		expect(crashed).toBeGreaterThan(0);
		expect(replays).toBeGreaterThan(0);
	});
});
