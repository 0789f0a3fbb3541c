import { describe, expect, it } from 'vitest';
import { SpillError, SpillFullError } from '../../src/index.js';
import { type RedisClient, redisSpill } from '../../src/spill-redis/index.js';

const INFO = ['redis_version:7.2.4', 'redis_mode:standalone', 'role:master', 'maxmemory_policy:noeviction'];
const ok = ['ok', '0'].map((word) => Buffer.from(word));

/** A client that answers as it is told; scripts answer `ok`. */
function answering(answers: { readonly info?: () => unknown; readonly script?: () => unknown } = {}) {
	const { info = () => INFO.join('\r\n'), script = () => ok } = answers;
	/** The arguments of each script. */
	const scripts: (readonly unknown[])[] = [];
	const client: RedisClient = {
		async eval(_source, _keys, ...args) {
			scripts.push(args);
			return script();
		},
		xrangeBuffer: async () => [],
		info: async () => info() as string,
		config: async () => [],
	};
	const store = redisSpill({ client, name: 'orders', maxBytes: 1e6, durability: 'process', timeoutMs: 50 });
	return { client, store, scripts };
}

const one = [{ id: '1', key: 'a', payload: Uint8Array.of(1), enqueuedAtMs: 1 }];
const never = () => new Promise<never>(() => {});
const fails = (message: string) => () => Promise.reject(new Error(message));

describe('redisSpill with any client', () => {
	it.each([
		['redis_version:6.0.16', 'it is Redis 6.0.16, and 6.2 is needed'],
		['redis_version:5.0.0', 'it is Redis 5.0.0, and 6.2 is needed'],
		['nonsense', 'it is Redis of an unknown version, and 6.2 is needed'],
	])('refuses a server that says %s', async (line, why) => {
		const { store } = answering({ info: () => [line, ...INFO.slice(1)].join('\r\n') });
		await expect(store.open()).rejects.toMatchObject({
			code: 'SPILL_SERVER',
			message: `the redis spill "orders" cannot use this server: ${why}`,
		});
		await store.close();
	});

	it('refuses a server that does not say what it evicts', async () => {
		const { store } = answering({ info: () => INFO.slice(0, 3).join('\r\n') });
		await expect(store.open()).rejects.toMatchObject({
			message:
				'the redis spill "orders" could lose what it keeps: maxmemory-policy is "unknown", which may evict what was kept; it must be "noeviction"',
		});
		await store.close();
	});

	it.each([
		["OOM command not allowed when used memory > 'maxmemory'.", 'SPILL_FULL'],
		['MISCONF Errors writing to the AOF file: No space left on device', 'SPILL_FULL'],
		['MISCONF Errors writing to the AOF file: Input/output error', 'SPILL_FAILED'],
		["READONLY You can't write against a read only replica.", 'SPILL_FAILED'],
		['Connection is closed.', 'SPILL_CONNECTION'],
		['Reached the max retries per request limit (which is 20).', 'SPILL_CONNECTION'],
	])('says of the error "%s" %s', async (message, code) => {
		let asked = 0;
		const { store } = answering({ script: () => (asked++ === 1 ? fails(message)() : ok) });
		await store.open();
		const refused = store.append(one);
		await expect(refused).rejects.toBeInstanceOf(code === 'SPILL_FULL' ? SpillFullError : SpillError);
		await expect(refused).rejects.toMatchObject({
			code,
			message: expect.stringContaining(message),
			cause: new Error(message),
		});
		await store.append(one);
		await store.close();
	});

	it.each([
		['hangs', never, 'redis has not answered the INFO of the server within 50 ms'],
		['fails', fails('Connection is closed.'), 'redis did not do the INFO of the server: Connection is closed.'],
	])('opens at the next attempt when the first one %s', async (_, answer, message) => {
		let asked = 0;
		const { store } = answering({ info: () => (asked++ === 0 ? answer() : INFO.join('\r\n')) });
		await expect(store.open()).rejects.toMatchObject({ code: 'SPILL_CONNECTION', message });
		expect(await store.open()).toMatchObject({ corruptRecords: 0 });
		await store.append(one);
		await store.close();
	});

	it.each([
		['a list', (name: string, value: string) => [name, value]],
		['a list of bytes', (name: string, value: string) => [Buffer.from(name), Buffer.from(value)]],
		['a map', (name: string, value: string) => new Map([[name, value]])],
		['an object', (name: string, value: string) => ({ [name]: value })],
		['nothing', () => []],
	])('reads settings from %s', async (kind, answer) => {
		const settings: { readonly [name: string]: string } = {
			appendonly: 'yes',
			appendfsync: 'always',
			'no-appendfsync-on-rewrite': 'no',
		};
		const { client } = answering();
		const config = async (_: 'GET', name: string) => answer(name, settings[name] ?? '');
		const store = redisSpill({ client: { ...client, config }, name: 'orders', maxBytes: 1e6 });
		const opened = store.open().then(
			() => 'opened',
			({ message }: Error) => message,
		);
		if (kind === 'nothing') expect(await opened).toContain('appendonly is "unknown"');
		else expect(await opened).toBe('opened');
		await store.close();
	});

	it('takes a client that throws for one that fails', async () => {
		const { client } = answering();
		const info = () => {
			throw new Error('not connected');
		};
		const store = redisSpill({ client: { ...client, info }, name: 'orders', maxBytes: 1e6 });
		await expect(store.open()).rejects.toMatchObject({ code: 'SPILL_CONNECTION' });
		await store.close();
	});

	it('sends nothing of an append that was given up before its turn, and all that was not in one script', async () => {
		const { store, scripts } = answering();
		await store.open();
		const before = scripts.length;
		const abort = new AbortController();
		const given = [
			store.append(one),
			store.append([{ ...one[0], id: 'given up' } as (typeof one)[0]], { signal: abort.signal }),
			store.append(one),
		];
		abort.abort(new Error('too late'));
		const outcomes = await Promise.allSettled(given);
		expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
		expect(scripts.length).toBe(before + 1);
		expect(scripts.at(-1)?.filter((arg) => Buffer.isBuffer(arg) && arg.includes('given up'))).toEqual([]);
		await store.close();
	});

	it('refuses to be used before it is open', async () => {
		const { store, scripts } = answering();
		await expect(store.append(one)).rejects.toMatchObject({
			code: 'SPILL_CLOSED',
			message: 'the redis spill "orders" is not open',
		});
		expect(scripts).toEqual([]);
	});
});
