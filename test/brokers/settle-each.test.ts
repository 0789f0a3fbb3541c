import { describe, expect, it } from 'vitest';
import { settleEach } from '../../src/brokers/settle-each.js';
import { createLoadShedder, defineLadder, memorySpill, SpillError, type SpillStore } from '../../src/index.js';

interface Message {
	readonly n: number;
	readonly priority: 'critical' | 'high' | 'normal' | 'low';
}

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
	signals: { lag: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SHED', enterAt: { lag: 1 }, shed: { high: 'spill', normal: 'reject', low: 'drop' } },
	],
	cooldownMs: 1_000,
});

/** Raw messages are texts such as `3 high`; `handle` throws for those in `poison`. */
async function handling({
	level = 'SHED',
	spill = memorySpill(),
}: {
	readonly level?: 'NORMAL' | 'SHED';
	readonly spill?: SpillStore;
} = {}) {
	const shedder = createLoadShedder({
		ladder,
		signals: { lag: () => (level === 'SHED' ? 1 : 0) },
		priorityOf: ({ priority }: Message) => priority,
		keyOf: ({ n }: Message) => String(n),
		spill,
	});
	await shedder.check();
	expect(shedder.level).toBe(level);
	const log: string[] = [];
	const poison = new Set<number>();
	const handle = settleEach(
		shedder,
		{
			decode(raw: string): Message {
				const [n, priority] = raw.split(' ');
				if (priority === undefined) throw new Error(`cannot read ${raw}`);
				return { n: Number(n), priority: priority as Message['priority'] };
			},
			handle({ n }: Message) {
				if (poison.has(n)) throw new Error(`poison ${n}`);
				log.push(`handled ${n}`);
			},
		},
		{
			done: (raw) => log.push(`done ${raw}`),
			back: (raw) => log.push(`back ${raw}`),
			release: (raw) => log.push(`release ${raw}`),
		},
	);
	shedder.on('failed', () => {});
	return { shedder, handle, log, poison };
}

/** A store that refuses whatever it is given. */
const failing = (): SpillStore => ({
	...memorySpill(),
	append: () => Promise.reject(new SpillError('no disk')),
});

const ends = (log: readonly string[]) => log.filter((line) => !line.startsWith('handled')).toSorted();

describe('messages that are acknowledged one by one', () => {
	it('are done when they are processed, kept or dropped, and go back when they are rejected', async () => {
		const { handle, log, shedder } = await handling();
		await handle(['1 critical', '2 high', '3 normal', '4 low']);
		expect(ends(log)).toEqual(['back 3 normal', 'done 1 critical', 'done 2 high', 'done 4 low']);
		expect(log).toContain('handled 1');
		expect(shedder.stats()).toMatchObject({ offered: 4, processed: 1, waiting: 1, rejected: 1, dropped: 1 });
		await shedder.stop();
	});

	it('are done only after the store has them', async () => {
		let keep = () => {};
		const store = memorySpill();
		const kept = new Promise<void>((resolve) => {
			keep = resolve;
		});
		const slow = {
			...store,
			append: (batch: Parameters<typeof store.append>[0]) => kept.then(() => store.append(batch)),
		};
		const { handle, log, shedder } = await handling({ spill: slow });
		const handled = handle(['1 high', '2 critical']);
		await new Promise(setImmediate);
		expect(log).toEqual(['handled 2', 'done 2 critical']);
		keep();
		await handled;
		expect(log).toContain('done 1 high');
		await shedder.stop();
	});

	it('go back alone when their handler throws, and the others are handled all the same', async () => {
		const { handle, log, poison, shedder } = await handling({ level: 'NORMAL' });
		poison.add(2).add(4);
		const failure = await handle(['1 low', '2 low', '3 low', '4 low', '5 low']).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(AggregateError);
		expect((failure as AggregateError).message).toBe('2 messages were not handled');
		expect((failure as AggregateError).errors.map(String)).toEqual(['Error: poison 2', 'Error: poison 4']);
		expect(ends(log)).toEqual(['back 2 low', 'back 4 low', 'done 1 low', 'done 3 low', 'done 5 low']);
		expect(shedder.stats()).toMatchObject({ processed: 3, failed: 2, inFlight: 0 });
		await shedder.stop();
	});

	it('reject with the error itself when there is one', async () => {
		const { handle, log, poison, shedder } = await handling({ level: 'NORMAL' });
		poison.add(1);
		await expect(handle(['1 low', 'nonsense'])).rejects.toThrow('2 messages were not handled');
		await expect(handle(['1 low', '2 low'])).rejects.toThrow('poison 1');
		await expect(handle(['nonsense', '3 low'])).rejects.toThrow('cannot read nonsense');
		expect(ends(log)).toEqual([
			...['back 1 low', 'back 1 low', 'back nonsense', 'back nonsense'],
			...['done 2 low', 'done 3 low'],
		]);
		await shedder.stop();
	});

	it('are handled instead when the store fails, and a poisoned one among them goes back once', async () => {
		const { handle, log, poison, shedder } = await handling({ spill: failing() });
		poison.add(3).add(4);
		const batch = ['1 high', '2 high', '3 critical', '4 high', '5 critical', '6 high'];
		await expect(handle(batch)).rejects.toThrow('2 messages were not handled');
		expect(ends(log)).toEqual([
			...['back 3 critical', 'back 4 high'],
			...['done 1 high', 'done 2 high', 'done 5 critical', 'done 6 high'],
		]);
		expect(shedder.stats().protectedShed).toBe(0);
		await shedder.stop();
	});

	it('are given to others when they were not begun before the end', async () => {
		const abort = new AbortController();
		const { handle, log, shedder } = await handling({ level: 'NORMAL' });
		const stopping = settleEach(
			shedder,
			{
				decode: (raw: string): Message => ({ n: Number(raw), priority: 'low' }),
				handle: ({ n }: Message) => {
					if (n === 2) abort.abort();
				},
				name: 'stopping',
			},
			{
				done: (raw) => log.push(`done ${raw}`),
				back: (raw) => log.push(`back ${raw}`),
				release: (raw) => log.push(`release ${raw}`),
			},
		);
		await stopping(['1', '2', '3', '4'], { signal: abort.signal });
		expect(log).toEqual(['done 1', 'done 2', 'release 3', 'release 4']);
		await handle(['5 low'], { signal: abort.signal });
		expect(log.at(-1)).toBe('release 5 low');
		await shedder.stop();
	});

	it('may be none', async () => {
		const { handle, log, shedder } = await handling();
		await handle([]);
		expect(log).toEqual([]);
		await shedder.stop();
	});

	it('lets others have their turn between the parts of a batch whose handlers wait for nothing', async () => {
		const { handle, log } = await handling({ level: 'NORMAL' });
		setImmediate(() => log.push('somebody else'));
		await handle(Array.from({ length: 500 }, (_, n) => `${n} critical`));
		const turn = log.indexOf('somebody else');
		expect(turn).toBeGreaterThan(0);
		expect(turn).toBeLessThan(log.length - 1);
		expect(log.filter((line) => line.startsWith('done'))).toHaveLength(500);
	});
});
