import { describe, expect, it } from 'vitest';
import { SpillError, SpillFullError } from '../../src/index.js';
import { type RedisClient, redisSpill } from '../../src/spill-redis/index.js';
import { APPEND } from '../../src/spill-redis/scripts.js';
import { fc, runs, same } from '../support/property.js';

/** How the server, or the way to it, treats one script. */
type Fate = 'answers' | 'fails before' | 'fails after';

const append = fc.record({
	records: fc.array(fc.nat(900), { minLength: 1, maxLength: 12 }),
	/** Event loop turns before the next one is called. */
	turns: fc.constantFrom(0, 0, 0, 1, 4),
	/** Turns after which it is given up. */
	giveUpAfter: fc.option(fc.nat(6), { freq: 6, nil: undefined }),
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function turns(count: number): Promise<void> {
	for (let n = 0; n < count; n++) await turn();
}

/** A server in memory that knows the script of an append: see scripts.ts for its arguments. */
function server(fates: readonly Fate[], delays: readonly number[]) {
	const kept: string[] = [];
	let bytes = 0;
	let seq = 0;
	let scripts = 0;
	let order: Promise<unknown> = Promise.resolve();
	const client: RedisClient = {
		eval(source, keys, ...args) {
			if (source !== APPEND) return Promise.resolve(['ok', '0']);
			const n = scripts++;
			// The connection keeps the order, and each answer takes its time.
			const answer = order.then(async () => {
				await turns(delays[n % delays.length] ?? 0);
				const fate = fates[n % fates.length];
				if (fate === 'fails before') throw new Error('Connection is closed.');
				const [, number, most, needed, , ...records] = args.slice(keys);
				expect(Number(number)).toBeGreaterThan(seq);
				if (bytes + Number(needed) > Number(most)) return ['full', String(bytes)];
				const before = seq;
				seq = Number(number);
				for (let at = 0; at < records.length; at += 4) {
					bytes += Number(records[at + 1]);
					kept.push(JSON.parse(String(records[at + 2]))[0]);
				}
				if (fate === 'fails after') throw new Error('Connection is closed.');
				return ['ok', String(before), String(kept.length)];
			});
			order = answer.catch(() => {});
			return answer;
		},
		xrangeBuffer: async () => [],
		info: async () => 'redis_version:7.0.0\nredis_mode:standalone\nrole:master\nmaxmemory_policy:noeviction',
		config: async () => [],
	};
	return { client, kept, scripts: () => scripts };
}

describe('appends to Redis', () => {
	it('settle, keep what they resolve, and stay in order, whatever fails, is given up or does not fit', async () => {
		const given = fc.record({
			appends: fc.array(append, { minLength: 1, maxLength: 40 }),
			fates: fc.array(fc.constantFrom<Fate>('answers', 'answers', 'answers', 'fails before', 'fails after'), {
				minLength: 1,
			}),
			delays: fc.array(fc.nat(5), { minLength: 1 }),
			maxBytes: fc.constantFrom(20_000, 60_000, 10_000_000),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ appends, fates, delays, maxBytes }) => {
				const { client, kept } = server(fates, delays);
				const options = { client, name: 'a', maxBytes, durability: 'process', maxPendingBytes: 200_000 } as const;
				const store = redisSpill(options);
				await store.open();
				const outcomes: Promise<unknown>[] = [];
				const ids: string[][] = [];
				for (const [n, { records, turns: wait, giveUpAfter }] of appends.entries()) {
					const abort = new AbortController();
					const batch = records.map((bytes, at) => ({
						id: `${n}/${at}`,
						key: 'key',
						payload: new Uint8Array(bytes),
						enqueuedAtMs: n,
					}));
					ids.push(batch.map(({ id }) => id));
					outcomes.push(
						store.append(batch, { signal: abort.signal }).then(
							() => 'kept',
							(error: unknown) => error,
						),
					);
					if (giveUpAfter !== undefined) void turns(giveUpAfter).then(() => abort.abort('given up'));
					await turns(wait);
				}
				const settled = await Promise.all(outcomes);
				await store.close();
				const positions = new Map(kept.map((id, position) => [id, position]));
				same(positions.size, kept.length);
				// In the order of the calls, and of each batch.
				same(
					kept,
					ids.flat().filter((id) => positions.has(id)),
				);
				for (const [n, outcome] of settled.entries()) {
					const found = (ids[n] as string[]).filter((id) => positions.has(id)).length;
					if (outcome === 'kept') same(found, ids[n]?.length);
					else if (outcome instanceof SpillFullError) same(found, 0);
					else if (outcome instanceof SpillError) expect(['SPILL_CONNECTION', 'SPILL_BUSY']).toContain(outcome.code);
					else same(outcome, 'given up');
				}
			}),
			runs(1),
		);
	});

	it('go together when they overlap, and one by one when they do not', async () => {
		const { client, scripts } = server(['answers'], [2]);
		const store = redisSpill({ client, name: 'a', maxBytes: 1e7, durability: 'process' });
		await store.open();
		const one = (n: number) => store.append([{ id: `${n}`, key: 'k', payload: new Uint8Array(9), enqueuedAtMs: 0 }]);
		for (let n = 0; n < 3; n++) await one(n);
		expect(scripts()).toBe(3);
		const first = one(3);
		await turn();
		await Promise.all([first, ...Array.from({ length: 2_500 }, (_, n) => one(n + 4))]);
		// One that was alone, and 2500 in scripts of 1000.
		expect(scripts()).toBe(3 + 1 + 3);
		await store.close();
	});

	it('count towards what may be under way until the client lets go of them', async () => {
		let release: (value: unknown) => void = () => {};
		const { client } = server(['answers'], [0]);
		const hanging: RedisClient = {
			...client,
			eval: (source, keys, ...args) =>
				source === APPEND
					? new Promise((resolve) => {
							release = resolve;
						})
					: client.eval(source, keys, ...args),
		};
		const options = { name: 'a', maxBytes: 1e7, durability: 'process', timeoutMs: 20, maxPendingBytes: 3_000 } as const;
		const store = redisSpill({ client: hanging, ...options });
		await store.open();
		const one = () => store.append([{ id: 'x', key: 'k', payload: new Uint8Array(2_000), enqueuedAtMs: 0 }]);
		await expect(one()).rejects.toMatchObject({ code: 'SPILL_CONNECTION' });
		await expect(one()).rejects.toMatchObject({ code: 'SPILL_BUSY' });
		release(['ok', '0', '1']);
		await turn();
		await expect(one()).rejects.toMatchObject({ code: 'SPILL_CONNECTION' });
		await store.close();
	});
});
