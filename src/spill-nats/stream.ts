import { SpillError } from '../ports/spill.js';
import type { NatsStreamConfig, NatsStreamInfo } from './client.js';
import { apiCode, STREAM_NOT_FOUND } from './failure.js';
import type { Options } from './options.js';

/** Room in the stream beyond `maxBytes`, so that acknowledgements can still be written when it is full. */
const RESERVE_BYTES = 1024 * 1024;
/** The first version that has `sync_interval: always`. */
const SYNC_ALWAYS_SINCE = [2, 10];

export const subjects = {
	frames: (stream: string, partition: number) => `${stream}.frames.${partition}`,
	/** What was acknowledged, and who the owner is: the last one counts. */
	state: (stream: string) => `${stream}.state`,
	/** The owner answers here. Not a subject of the stream. */
	owner: (stream: string) => `${stream}.owner`,
};

/**
 * The stream, created if there is none.
 *
 * @throws SpillError `SPILL_SETTINGS` with every setting that would lose or refuse records, `SPILL_DURABILITY` for a server
 * that cannot sync at once.
 */
export async function ensureStream(options: Options): Promise<NatsStreamInfo> {
	const { connection, manager, stream, durability } = options;
	const version = connection.info?.version ?? 'unknown';
	if (durability === 'os-crash' && !isAtLeast(version, SYNC_ALWAYS_SINCE)) {
		const since = SYNC_ALWAYS_SINCE.join('.');
		throw new SpillError(
			`the nats spill is declared durability: 'os-crash', which a server of version ${version} does not keep: ` +
				`sync_interval: always came with ${since}. Upgrade it, or declare a weaker durability`,
			{ code: 'SPILL_DURABILITY' },
		);
	}
	const wanted = configOf(options);
	const info = await manager.streams.info(stream).catch((error: unknown) => {
		if (apiCode(error) !== STREAM_NOT_FOUND) throw error;
		// Of several who create it at once each gets the same stream, if it wants the same.
		return manager.streams.add({ ...wanted, subjects: [...wanted.subjects] });
	});
	const wrong = differences(info.config, wanted);
	if (wrong.length === 0) return info;
	throw new SpillError(`the stream ${stream} cannot be a nats spill: ${wrong.join('; ')}`, { code: 'SPILL_SETTINGS' });
}

function configOf({ stream, partitions, maxBytes, replicas }: Options): NatsStreamConfig {
	return {
		name: stream,
		subjects: [
			subjects.state(stream),
			...Array.from({ length: partitions }, (_, partition) => subjects.frames(stream, partition)),
		],
		storage: 'file',
		retention: 'limits',
		discard: 'new',
		num_replicas: replicas,
		max_bytes: Math.ceil(maxBytes) + RESERVE_BYTES,
		max_msgs: -1,
		max_msgs_per_subject: -1,
		max_age: 0,
		max_msg_size: -1,
		deny_purge: false,
		allow_direct: true,
	};
}

function differences(is: NatsStreamInfo['config'], wanted: NatsStreamConfig): readonly string[] {
	const wrong: string[] = [];
	const must = (ok: boolean, name: keyof NatsStreamInfo['config'], rule: string) => {
		if (!ok) wrong.push(`${name} is ${JSON.stringify(is[name])} and must be ${rule}`);
	};
	const same = [...is.subjects].sort().join() === [...wanted.subjects].sort().join();
	must(same, 'subjects', `${JSON.stringify(wanted.subjects)}, fixed with the number of partitions`);
	for (const name of ['storage', 'retention', 'discard', 'max_age', 'deny_purge', 'allow_direct'] as const)
		must(is[name] === wanted[name], name, JSON.stringify(wanted[name]));
	must(is.num_replicas >= wanted.num_replicas, 'num_replicas', `at least ${wanted.num_replicas}`);
	const room = is.max_bytes === -1 || is.max_bytes >= wanted.max_bytes;
	must(room, 'max_bytes', `-1 or at least ${wanted.max_bytes}: maxBytes and ${RESERVE_BYTES} for acknowledgements`);
	for (const name of ['max_msgs', 'max_msgs_per_subject', 'max_msg_size'] as const)
		must(is[name] <= 0, name, 'unlimited');
	must(is.no_ack !== true, 'no_ack', 'false');
	// https://docs.nats.io: from 2.12 on a stream may acknowledge before it has written.
	must((is.persist_mode ?? 'default') !== 'async', 'persist_mode', '"default"');
	return wrong;
}

function isAtLeast(version: string, least: readonly number[]): boolean {
	const parts = version.split('.').map((part) => Number.parseInt(part, 10));
	for (const [i, bound] of least.entries()) if (parts[i] !== bound) return (parts[i] ?? 0) > bound;
	return true;
}
