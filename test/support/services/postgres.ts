import { execFile } from 'node:child_process';
import { access, chown, readdir, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { find, type Service } from './find.js';
import { type Instance, launch } from './instance.js';

export const postgres = (): Promise<Service | undefined> =>
	find({
		name: 'postgres',
		variable: 'POSTGRES_URL',
		localUrl: 'postgres://postgres@127.0.0.1:5432/postgres',
		refusal,
		start: startPostgres,
	});

/**
 * A private PostgreSQL, user and database `postgres`, no password.
 *
 * @param settings of `postgresql.conf`, such as `{ fsync: 'off' }`.
 */
export async function startPostgres(settings: { readonly [name: string]: string } = {}): Promise<Instance> {
	const [binaries, user] = await Promise.all([binariesDirectory(), unprivileged()]);
	return launch({
		name: 'postgres',
		url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
		refusal,
		async prepare(directory) {
			if (user) await chown(directory, user.uid, user.gid);
			await promisify(execFile)(
				join(binaries, 'initdb'),
				['-D', join(directory, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
				{ cwd: directory, timeout: 60_000, ...user },
			);
		},
		command: (port, directory) => ({
			file: join(binaries, 'postgres'),
			args: [
				...['-D', join(directory, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', ''],
				...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
			],
			...user,
		}),
	});
}

/** Where initdb, postgres and their like are. Debian keeps them away from the PATH, one directory a version. */
export async function binariesDirectory(): Promise<string> {
	const debian = '/usr/lib/postgresql';
	const versions = await readdir(debian).catch(() => []);
	const newestFirst = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin'));
	const directories = [...(process.env.PATH ?? '').split(delimiter), ...newestFirst];
	for (const directory of directories) {
		const here = await Promise.all(['initdb', 'postgres'].map((name) => exists(join(directory, name))));
		// Not where some of them are linked to, but where all of them are.
		if (here.every(Boolean)) return dirname(await realpath(join(directory, 'postgres')));
	}
	const message = 'initdb and postgres are neither in the PATH nor in /usr/lib/postgresql';
	throw Object.assign(new Error(message), { code: 'ENOENT' });
}

const exists = (path: string) =>
	access(path).then(
		() => true,
		() => false,
	);

/** PostgreSQL refuses to run as root. */
async function unprivileged(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
	if (process.getuid?.() !== 0) return undefined;
	const id = async (flag: string, name: string) => Number((await promisify(execFile)('id', [flag, name])).stdout);
	for (const name of ['postgres', 'nobody']) {
		try {
			return { uid: await id('-u', name), gid: await id('-g', name) };
		} catch {
			// There is no such user here; try the next.
		}
	}
	throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody');
}

async function refusal(url: string): Promise<string | undefined> {
	const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
	// Told by the rejected call as well; without a listener it would end the process.
	let told: Error | undefined;
	client.on('error', (error) => {
		told = error;
	});
	try {
		await client.connect();
		await client.query('SELECT 1');
		return undefined;
	} catch (error) {
		return String(told ?? error);
	} finally {
		await client.end().catch((error: unknown) => {
			told ??= error as Error;
		});
	}
}
