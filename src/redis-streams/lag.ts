import { type Must, verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import { Line } from './line.js';
import { AGE, LAG } from './scripts.js';
import { isRedisClient, type RedisClient } from './session.js';
import { COUNTED_MAX, type GroupFacts, unreadOf } from './unread.js';

/** Which group of which stream. */
export interface RedisGroup {
	readonly client: RedisClient;
	/** The key of the stream. */
	readonly stream: string;
	readonly group: string;
	/** How long the server may take for an answer, ms, 1 .. 600 000. Default 5 000. */
	readonly timeoutMs?: number | undefined;
}

/**
 * The lag of a consumer group, messages: what was not delivered yet, and what is delivered and not acknowledged, to whichever
 * consumer. One script a read, on a connection of its own, which no blocking read holds up.
 *
 * Up to 1 000 undelivered messages are counted, so that deletions, trimming and `SETID` cannot make it wrong; beyond that see
 * the page. Unknown when the server cannot be reached, there is no such group, or the server cannot tell. It cannot fall while
 * intake is paused (rule R8).
 *
 * @throws ConfigError when an option is impossible.
 * @see docs/redis-streams.md
 */
export function redisStreamsLag(options: RedisGroup): SignalSource {
	const { line, stream, group } = lineOf('redisStreamsLag', options);
	const unread = unreadOf();
	return {
		fallsWhilePaused: false,
		async read() {
			return unread(factsOf(await line.send(['EVAL', LAG, 1, stream, group, COUNTED_MAX])));
		},
		close: () => line.end(),
	};
}

/**
 * How long the oldest message that is not acknowledged has been in the stream, ms; 0 when everything is. By the clock of the
 * server, which also makes the ids: for streams whose ids are made by `*`. One script a read, on a connection of its own.
 *
 * A message that is handed back again and again ages all the while: `messageAge()` of the root tells the standing delay. It
 * cannot fall while intake is paused (rule R8).
 *
 * @throws ConfigError when an option is impossible.
 */
export function redisStreamsAge(options: RedisGroup): SignalSource {
	const { line, stream, group } = lineOf('redisStreamsAge', options);
	return {
		fallsWhilePaused: false,
		async read() {
			return Math.max(0, Number(await line.send(['EVAL', AGE, 1, stream, group])));
		},
		close: () => line.end(),
	};
}

export function checkGroup(must: Must, { client, stream, group, timeoutMs = 5_000 }: RedisGroup): void {
	must(
		isRedisClient(client),
		'client',
		client,
		'a client of ioredis or redis: it has duplicate, and call or sendCommand',
	);
	must(typeof stream === 'string' && stream !== '', 'stream', stream, 'the key of a stream');
	must(typeof group === 'string' && group !== '', 'group', group, 'the name of a consumer group');
	const possible = Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 600_000;
	must(possible, 'timeoutMs', timeoutMs, 'a whole number from 1 to 600000');
}

function lineOf(subject: string, options: RedisGroup) {
	verify(subject, (must) => checkGroup(must, options));
	const { client, stream, group, timeoutMs = 5_000 } = options;
	return { line: new Line(client, timeoutMs), stream, group };
}

function factsOf(reply: unknown): GroupFacts {
	const facts = reply as readonly (number | string)[];
	const number = (at: number) => Number(facts[at]);
	const orUnknown = (at: number) => (number(at) < 0 ? Number.NaN : number(at));
	return {
		length: number(0),
		pending: number(1),
		counted: number(2),
		lag: orUnknown(3),
		read: orUnknown(4),
		added: orUnknown(5),
		lastDelivered: String(facts[6]),
		first: String(facts[7]),
	};
}
