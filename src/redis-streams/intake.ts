import { type PullIntake, pullIntake } from '../brokers/pull.js';
import { verify } from '../core/errors.js';
import { checkGroup, type RedisGroup } from './lag.js';
import type { StreamMessage } from './message.js';
import { StreamSource } from './source.js';

export interface RedisStreamsIntakeOptions extends RedisGroup {
	/**
	 * The name of this consumer in the group: of one live process only, and the same after a restart, so that it finds what it
	 * had. What a name that never comes back had is taken by the others after `claimAfterMs`.
	 */
	readonly consumer: string;
	/**
	 * Most messages that are here at once: asked for, waiting, in the hands of the handler, and handled without the server's
	 * knowing, 1 .. 10 000. Default 100. Also the largest batch, all of which is decided on at once, and what may still arrive
	 * after a pause.
	 */
	readonly maxMessages?: number | undefined;
	/** How long a read waits for messages, ms, 1 .. 60 000. Default 1 000. To stop takes as long. */
	readonly blockMs?: number | undefined;
	/**
	 * When what a consumer has not settled, and not said that it still has, is given to another, ms, 100 .. 86 400 000. Default
	 * 30 000. The same for all consumers of a group.
	 */
	readonly claimAfterMs?: number | undefined;
	/** When a message comes again that was rejected or whose handler threw, ms, 1 .. `claimAfterMs`. Default 1 000. */
	readonly retryMs?: number | undefined;
}

/** The intake, and the consumer, of a stream of Redis. */
export interface RedisStreamsIntake<Value> extends PullIntake<StreamMessage<Value>> {}

/**
 * Consumes a stream of Redis 6.2 or later as a member of a consumer group, and can be paused.
 *
 * The group is yours to create (`XGROUP CREATE ... MKSTREAM`). Two connections are made like that of the client: one whose
 * reads wait for messages, one for everything else. Paused, it reads no more; what it has is handled and acknowledged, so
 * nothing is held while it is paused. What is here is claimed again three times in `claimAfterMs`, so that nobody else takes it.
 *
 * A message is acknowledged when its handler says so, and pending until then: a consumer of the same name gets it at its start,
 * another one after `claimAfterMs`.
 *
 * @param options  `values: 'bytes'` for messages whose values are Buffers; default `'text'`.
 * @throws ConfigError when an option is impossible. What the server refuses, such as a group that is not there, is told to `onError`.
 * @see docs/redis-streams.md
 */
export function redisStreamsIntake(
	options: RedisStreamsIntakeOptions & { readonly values: 'bytes' },
): RedisStreamsIntake<Buffer>;
export function redisStreamsIntake(
	options: RedisStreamsIntakeOptions & { readonly values?: 'text' | undefined },
): RedisStreamsIntake<string>;
export function redisStreamsIntake(
	options: RedisStreamsIntakeOptions & { readonly values?: 'text' | 'bytes' | undefined },
): RedisStreamsIntake<string> | RedisStreamsIntake<Buffer> {
	const { client, stream, group, consumer, timeoutMs = 5_000, values = 'text' } = options;
	const {
		maxMessages = 100,
		blockMs = 1_000,
		claimAfterMs = 30_000,
		retryMs = Math.min(1_000, claimAfterMs),
	} = options;
	verify('redisStreamsIntake', (must) => {
		const whole = (path: string, value: number, least: number, most: number) => {
			const fits = Number.isInteger(value) && value >= least && value <= most;
			must(fits, path, value, `a whole number from ${least} to ${most}`);
		};
		checkGroup(must, options);
		must(typeof consumer === 'string' && consumer !== '', 'consumer', consumer, 'the name of this consumer');
		must(values === 'text' || values === 'bytes', 'values', values, '"text" or "bytes"');
		whole('maxMessages', maxMessages, 1, 10_000);
		whole('blockMs', blockMs, 1, 60_000);
		whole('claimAfterMs', claimAfterMs, 100, 86_400_000);
		whole('retryMs', retryMs, 1, Math.max(1, claimAfterMs));
	});
	const bytes = values === 'bytes';
	return pullIntake<StreamMessage<never>>('redisStreamsIntake', maxMessages, async (_, events) => {
		const place = { client, stream, group, consumer };
		return new StreamSource({ ...place, blockMs, claimAfterMs, retryMs, timeoutMs, bytes }, events);
	});
}
