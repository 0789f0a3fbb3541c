import { SpillError } from '../ports/spill.js';
import type { Calls } from './calls.js';
import { messageOf } from './errors.js';
import type { Options } from './options.js';

/** What `durability: 'os-crash'` takes: every write is on the disk of the server before its answer. */
const DURABLE = [
	['appendonly', 'yes'],
	['appendfsync', 'always'],
	// With `yes` nothing is synced while the log is rewritten or a snapshot is saved, whatever appendfsync says.
	['no-appendfsync-on-rewrite', 'no'],
] as const;

/**
 * Looks whether the server keeps what it is given.
 *
 * @throws SpillError SPILL_DURABILITY that names every setting in the way; SPILL_SERVER for a server that cannot be used.
 */
export async function verifyServer(
	calls: Calls,
	{ name, durability }: Pick<Options, 'name' | 'durability'>,
	signal?: AbortSignal,
): Promise<void> {
	const info = facts(await calls.send('INFO of the server', (client) => client.info(), { signal }));
	const unusable = refusalOf(info);
	if (unusable)
		throw new SpillError(`the redis spill "${name}" cannot use this server: ${unusable}`, { code: 'SPILL_SERVER' });
	const problems: string[] = [];
	const policy = info.get('maxmemory_policy') ?? 'unknown';
	// The keys of the spill have no time to live, so `volatile-*` never chooses them.
	if (policy !== 'noeviction' && !policy.startsWith('volatile-'))
		problems.push(`maxmemory-policy is "${policy}", which may evict what was kept; it must be "noeviction"`);
	if (durability === 'os-crash') problems.push(...(await notDurable(calls, signal)));
	if (problems.length > 0)
		throw new SpillError(`the redis spill "${name}" could lose what it keeps: ${problems.join('; ')}`, {
			code: 'SPILL_DURABILITY',
		});
}

async function notDurable(calls: Calls, signal: AbortSignal | undefined): Promise<readonly string[]> {
	const values = new Map<string, string>();
	try {
		for (const [setting] of DURABLE) {
			// One setting a command: several at once came with Redis 7.
			const reply = await calls.send('CONFIG GET', (client) => client.config('GET', setting), { signal });
			values.set(setting, valueIn(reply, setting));
		}
	} catch (error) {
		if (signal?.aborted || !(error instanceof SpillError) || error.code === 'SPILL_CONNECTION') throw error;
		return [
			`its settings cannot be checked (${messageOf(error.cause)}): permit the user CONFIG GET, or declare durability: "process", which leaves them to you`,
		];
	}
	return DURABLE.flatMap(([setting, wanted]) => {
		const value = values.get(setting);
		return value === wanted
			? []
			: [`${setting} is "${value}"; durability: "os-crash" needs "${wanted}", or declare durability: "process"`];
	});
}

/** Reads what CONFIG GET says: a list of names and values, or under the newer protocol a map. */
function valueIn(reply: unknown, setting: string): string {
	if (Array.isArray(reply)) return String(reply[1] ?? 'unknown');
	const value: unknown = reply instanceof Map ? reply.get(setting) : Object(reply)[setting];
	return String(value ?? 'unknown');
}

/** Why a server cannot hold a spill, whatever is declared. */
function refusalOf(info: ReadonlyMap<string, string>): string | undefined {
	const [major = 0, minor = 0] = (info.get('redis_version') ?? '').split('.').map(Number);
	// XTRIM MINID and exclusive ranges.
	if (!(major > 6 || (major === 6 && minor >= 2)))
		return `it is Redis ${info.get('redis_version') ?? 'of an unknown version'}, and 6.2 is needed`;
	if (info.get('redis_mode') === 'cluster')
		return 'it is part of a cluster, where the node that answers need not be the one that keeps';
	if (info.get('role') !== 'master') return `its role is "${info.get('role')}", and only a master takes writes`;
	return undefined;
}

/** The lines `name:value` of INFO. */
function facts(info: string): ReadonlyMap<string, string> {
	return new Map(
		info.split(/\r?\n/).flatMap((line) => {
			const at = line.indexOf(':');
			return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
		}),
	);
}
