import { describe, expect, it } from 'vitest';
import { type PollOptions, pollOn, pollSignal } from '../../src/signals/poll.js';
import { childTimeoutMs, inChild } from '../process/child.js';
import { fc } from '../support/property.js';
import { steppingClock } from './stepping-clock.js';

interface Question {
	readonly abort: AbortSignal;
	readonly answer: (value: number | null) => void;
	readonly fail: (error: Error) => void;
}

/** A polled source whose questions the test answers by hand. */
function polled(options: PollOptions) {
	const clock = steppingClock();
	const questions: Question[] = [];
	const source = pollOn(
		clock,
		(abort) => new Promise((answer, fail) => questions.push({ abort, answer, fail })),
		options,
	);
	const question = (index: number): Question => {
		const found = questions[index];
		if (!found) throw new Error(`question ${index} was not asked`);
		return found;
	};
	return { clock, source, question, asked: () => questions.length };
}

/** All promises that can settle have settled. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('pollSignal without everyMs', () => {
	it('asks at every read and waits for the answer', async () => {
		const { clock, source, question, asked } = polled({});
		const first = source.read();
		question(0).answer(5);
		expect(await first).toBe(5);
		clock.advance(1);
		const second = source.read();
		question(1).answer(6);
		expect(await second).toBe(6);
		expect(asked()).toBe(2);
	});

	it('hands on at once what needs no waiting', () => {
		expect(pollSignal(() => 5).read()).toBe(5);
		expect(pollSignal(() => null).read()).toBeNaN();
		expect(pollSignal(() => -1).read(), 'the controller judges the reading, not the source').toBe(-1);
	});

	it('reads null as unknown', async () => {
		expect(await pollSignal(async () => null).read()).toBeNaN();
	});

	it('hands on a throw and a rejection', async () => {
		const failing = pollSignal(() => {
			throw new Error('no route');
		});
		expect(() => failing.read()).toThrow('no route');
		await expect(pollSignal(() => Promise.reject(new Error('no route'))).read()).rejects.toThrow('no route');
	});

	it('asks again after a failure', async () => {
		const { clock, source, question } = polled({});
		const failed = source.read();
		question(0).fail(new Error('no route'));
		await expect(failed).rejects.toThrow('no route');
		clock.advance(1);
		const read = source.read();
		question(1).answer(3);
		expect(await read).toBe(3);
	});
});

describe('pollSignal with everyMs', () => {
	const options = { everyMs: 1_000, timeoutMs: 500, maxAgeMs: 3_000 };

	it('answers from the last reading in between and refreshes it without making a read wait', async () => {
		const { clock, source, question, asked } = polled(options);
		const first = source.read();
		question(0).answer(5);
		expect(await first).toBe(5);
		clock.advance(999);
		expect(source.read()).toBe(5);
		expect(asked()).toBe(1);
		clock.advance(1);
		expect(source.read()).toBe(5);
		expect(asked()).toBe(2);
		question(1).answer(6);
		await settled();
		expect(source.read()).toBe(6);
	});

	it('shows a reading that needs no waiting in the read that asked for it', () => {
		const clock = steppingClock();
		let depth = 1;
		const source = pollOn(clock, () => depth, options);
		expect(source.read()).toBe(1);
		depth = 2;
		clock.advance(999);
		expect(source.read()).toBe(1);
		clock.advance(1);
		expect(source.read()).toBe(2);
	});

	it('R5: waits for the call under way once the last reading is older than maxAgeMs', async () => {
		const { clock, source, question } = polled({ ...options, timeoutMs: 10_000 });
		const first = source.read();
		question(0).answer(5);
		await first;
		clock.advance(3_000);
		expect(source.read()).toBe(5);
		clock.advance(1);
		const late = source.read();
		question(1).answer(6);
		expect(await late).toBe(6);
	});

	it('R5: counts the age of a reading from the beginning of its call', async () => {
		const { clock, source, question } = polled({ everyMs: 5_000, timeoutMs: 5_000, maxAgeMs: 3_000 });
		const first = source.read();
		clock.advance(2_500);
		question(0).answer(5);
		expect(await first).toBe(5);
		clock.advance(500);
		expect(source.read()).toBe(5);
		clock.advance(1);
		expect(source.read(), 'no call is under way and none is due').toBeNaN();
	});

	it('by default leaves no gap when one call fails', async () => {
		const { clock, source, question, asked } = polled({ everyMs: 1_000, timeoutMs: 500 });
		const first = source.read();
		question(0).answer(5);
		await first;
		clock.advance(1_000);
		expect(source.read()).toBe(5);
		question(1).fail(new Error('no route'));
		await settled();
		expect(() => source.read()).toThrow('no route');
		clock.advance(1_000);
		expect(source.read()).toBe(5);
		clock.advance(499);
		expect(source.read(), 'until the next call has had its time').toBe(5);
		expect(asked()).toBe(3);
		question(2).answer(6);
		await settled();
		expect(source.read()).toBe(6);
	});

	it('replaces the last reading by an unknown one', async () => {
		const { clock, source, question } = polled(options);
		const first = source.read();
		question(0).answer(5);
		await first;
		clock.advance(1_000);
		source.read();
		question(1).answer(null);
		await settled();
		expect(source.read()).toBeNaN();
	});

	it('throws a failure that nobody waited for at the next read, once', async () => {
		const { clock, source, question } = polled(options);
		const first = source.read();
		question(0).answer(5);
		await first;
		clock.advance(1_000);
		expect(source.read()).toBe(5);
		question(1).fail(new Error('no route'));
		await settled();
		expect(() => source.read()).toThrow('no route');
		expect(source.read()).toBe(5);
	});

	it('lets every read that waits hear the failure, and the next one not again', async () => {
		const { source, question } = polled(options);
		const reads = [source.read(), source.read()];
		question(0).fail(new Error('no route'));
		for (const read of reads) await expect(read).rejects.toThrow('no route');
		expect(source.read()).toBeNaN();
	});

	it('M6: asks at most every everyMs, one question at a time, and shows no reading older than maxAgeMs', async () => {
		const ms = fc.integer({ min: 0, max: 30 });
		const act = fc.oneof(
			fc.record({ advance: ms }),
			fc.record({ answer: fc.constant(true) }),
			fc.record({ fail: fc.constant(true) }),
			fc.record({ read: fc.constant(true) }),
			fc.record({ close: fc.constant(true) }),
		);
		const scenario = fc.record({
			everyMs: ms,
			timeoutMs: fc.integer({ min: 1, max: 30 }),
			maxAgeMs: ms,
			acts: fc.array(act, { maxLength: 40 }),
		});
		await fc.assert(
			fc.asyncProperty(scenario, async ({ acts, ...limits }) => {
				const clock = steppingClock();
				const startedAtMs: number[] = [];
				let open: ((outcome: number | Error) => void) | undefined;
				const source = pollOn(
					clock,
					() => {
						expect(open, 'one question at a time').toBeUndefined();
						const before = startedAtMs.at(-1) ?? -Infinity;
						startedAtMs.push(clock.nowMs());
						expect(clock.nowMs() - before).toBeGreaterThanOrEqual(limits.everyMs);
						return new Promise((resolve, reject) => {
							open = (outcome) => {
								open = undefined;
								if (outcome instanceof Error) reject(outcome);
								else resolve(outcome);
							};
						});
					},
					limits,
				);
				for (const it of acts) {
					if ('advance' in it) clock.advance(it.advance);
					// The reading is the instant at which its call began, so that it tells its own age.
					else if ('answer' in it) open?.(startedAtMs.at(-1) ?? 0);
					else if ('fail' in it) open?.(new Error('failed'));
					else if ('close' in it) source.close?.();
					else {
						const atMs = clock.nowMs();
						let read: number | Promise<number> = Number.NaN;
						try {
							read = source.read();
						} catch (error) {
							expect(['failed', `the poll took longer than ${limits.timeoutMs} ms`]).toContain(
								(error as Error).message,
							);
						}
						if (typeof read === 'number' && !Number.isNaN(read))
							expect(atMs - read).toBeLessThanOrEqual(limits.maxAgeMs);
						// A waiting read is settled by the answer or the time-out; its failure is not at test here.
						else Promise.resolve(read).catch(() => {});
					}
					await Promise.resolve();
				}
				open?.(0);
				await settled();
				expect(clock.timers(), 'no timer without a call').toBe(0);
			}),
		);
	});
});

describe('pollSignal and a call that hangs', () => {
	it('M6: gives up after timeoutMs, says so to the call and to the read', async () => {
		const { clock, source, question } = polled({ timeoutMs: 500 });
		const read = source.read();
		clock.advance(499);
		await settled();
		expect(question(0).abort.aborted).toBe(false);
		clock.advance(1);
		await expect(read).rejects.toMatchObject({ code: 'TIMED_OUT', message: 'the poll took longer than 500 ms' });
		expect(question(0).abort.reason).toMatchObject({ code: 'TIMED_OUT' });
	});

	it('M6: ignores the late result', async () => {
		const { clock, source, question } = polled({ everyMs: 1_000, timeoutMs: 500 });
		const read = source.read();
		clock.advance(500);
		await expect(read).rejects.toThrow('took longer');
		question(0).answer(5);
		await settled();
		expect(source.read()).toBeNaN();
	});

	it('ignores a late failure', async () => {
		const { clock, source, question } = polled({ everyMs: 1_000, timeoutMs: 500 });
		const read = source.read();
		clock.advance(500);
		await expect(read).rejects.toThrow('took longer');
		question(0).fail(new Error('cancelled'));
		await settled();
		expect(source.read()).toBeNaN();
	});

	it('does not ask again before it has come back, and says at every read that it hangs', async () => {
		const { clock, source, question, asked } = polled({ everyMs: 1_000, timeoutMs: 500 });
		const read = source.read();
		clock.advance(5_000);
		await expect(read).rejects.toThrow('took longer');
		await expect(source.read()).rejects.toThrow('took longer');
		await expect(source.read()).rejects.toThrow('took longer');
		expect(asked()).toBe(1);
		question(0).answer(5);
		await settled();
		const next = source.read();
		expect(asked()).toBe(2);
		question(1).answer(6);
		expect(await next).toBe(6);
	});

	it('is heard at the next read when nobody waited', async () => {
		const { clock, source, question } = polled({ everyMs: 1_000, timeoutMs: 500, maxAgeMs: 60_000 });
		const first = source.read();
		question(0).answer(5);
		await first;
		clock.advance(1_000);
		expect(source.read()).toBe(5);
		clock.advance(500);
		await settled();
		expect(() => source.read()).toThrow('took longer');
		expect(source.read()).toBe(5);
	});

	it('keeps no timer once it has been answered', async () => {
		const { clock, source, question } = polled({});
		const read = source.read();
		expect(clock.timers()).toBe(1);
		question(0).answer(5);
		await read;
		expect(clock.timers()).toBe(0);
	});

	it('does not keep the process alive', { timeout: childTimeoutMs }, async () => {
		const ended = await inChild<string>(`
			import { pollSignal } from './src/signals/poll.ts';
			pollSignal(() => new Promise(() => {}), { timeoutMs: 3_600_000 }).read();
			console.log(JSON.stringify('ended'));
		`);
		expect(ended).toBe('ended');
	});
});

describe('pollSignal, closed', () => {
	it('aborts the call under way, ends its timer and leaves its reads unknown', async () => {
		const { clock, source, question } = polled({});
		const read = source.read();
		source.close?.();
		expect(question(0).abort.aborted).toBe(true);
		expect(await read).toBeNaN();
		expect(clock.timers()).toBe(0);
	});

	it('leaves its reads unknown when the call fails because of that', async () => {
		const source = pollSignal(
			(abort) => new Promise((_, reject) => abort.addEventListener('abort', () => reject(abort.reason))),
		);
		const read = source.read();
		source.close?.();
		expect(await read).toBeNaN();
		await settled();
		const again = source.read();
		source.close?.();
		expect(await again).toBeNaN();
	});

	it('may be read again', async () => {
		const { source, question } = polled({});
		source.read();
		source.close?.();
		question(0).answer(1);
		await settled();
		const read = source.read();
		question(1).answer(2);
		expect(await read).toBe(2);
	});

	it('has nothing to close when no call is under way', () => {
		expect(() => pollSignal(() => 1).close?.()).not.toThrow();
	});
});

describe('pollSignal options', () => {
	it('are refused all at once when they make no sense', () => {
		expect(() => pollSignal(() => 1, { everyMs: -1, timeoutMs: Infinity, maxAgeMs: Number.NaN })).toThrow(
			[
				'invalid pollSignal options (3 problems):',
				'everyMs: -1 must be a finite number of at least 0',
				'timeoutMs: Infinity must be above 0 and below 2 ** 31',
				'maxAgeMs: NaN must be at least 0',
			].join('\n'),
		);
	});
});
