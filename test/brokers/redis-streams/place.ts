import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient } from '../../../src/redis-streams/index.js';

export const LIBRARIES = ['ioredis', 'redis'] as const;
export type Library = (typeof LIBRARIES)[number];

/** A stream and a consumer group of the test's own. */
export interface Place {
	/** What the adapter is given. It is not connected: only duplicates of it are used. */
	readonly client: RedisClient;
	readonly stream: string;
	readonly group: string;
	/** For everything else. */
	readonly admin: Redis;
	/** Adds an entry `{ text }` for each; resolves when the server has them. */
	publish(texts: readonly string[]): Promise<void>;
	/** Delivers so many to a consumer that does not acknowledge them. @returns their ids. */
	take(count: number, consumer?: string): Promise<string[]>;
	ack(...ids: string[]): Promise<void>;
	/** Cuts the connections of the adapter. */
	cut(): Promise<void>;
	/** Entries that are not acknowledged, counted from the entries and the list of what is pending. */
	left(): Promise<number>;
	destroy(): Promise<void>;
}

export async function place(url: string, library: Library = 'ioredis'): Promise<Place> {
	const name = `brownout-test-${randomUUID().slice(0, 8)}`;
	const [stream, group] = [`${name}:stream`, 'group'];
	const admin = new Redis(url);
	// Every command rejects as well.
	admin.on('error', () => {});
	await admin.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
	return {
		client: clientOf(url, library, name),
		stream,
		group,
		admin,
		async publish(texts) {
			const pipeline = admin.pipeline();
			for (const text of texts) pipeline.xadd(stream, '*', 'text', text);
			await pipeline.exec();
		},
		async take(count, consumer = 'other') {
			const reply = await admin.xreadgroup('GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>');
			const [[, entries] = []] = (reply ?? []) as [string, [string, string[]][]][];
			return (entries ?? []).map(([id]) => id);
		},
		async ack(...ids) {
			await admin.xack(stream, group, ...ids);
		},
		async cut() {
			const list = String(await admin.client('LIST')).split('\n');
			for (const line of list.filter((client) => client.includes(` name=${name} `))) {
				// It may be gone already.
				await admin.client('KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] as string);
			}
		},
		async left() {
			const pending = (await admin.xpending(stream, group, '-', '+', 1_000_000)) as [string][];
			const groups = (await admin.xinfo('GROUPS', stream)) as (string | number)[][];
			const facts = groups[0] as (string | number)[];
			const last = facts[facts.indexOf('last-delivered-id') + 1] as string;
			const exists = new Set((await admin.xrange(stream, '-', '+')).map(([id]) => id));
			const unread = (await admin.xrange(stream, `(${last}`, '+')).length;
			return unread + pending.filter(([id]) => exists.has(id)).length;
		},
		async destroy() {
			await admin.del(stream);
			await admin.quit();
		},
	};
}

export function clientOf(url: string, library: Library, name: string): RedisClient {
	return library === 'ioredis'
		? new Redis(url, { lazyConnect: true, connectionName: name })
		: createClient({ url, name });
}

/** `count` texts that differ. */
export const texts = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `m${from + i}`);
