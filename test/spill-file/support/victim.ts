/**
 * A process that spills until it is killed. Arguments: the directory, the first id, a seed, and a crash point: the name and
 * the count of a file-system call after (or before) which it kills itself. Says on stdout what it was promised: `kept 1 2 3`
 * when an append resolved, `acked 2` when an acknowledgement up to that record resolved.
 */
import { writeSync } from 'node:fs';
import { type FileSystem, nodeFileSystem } from '../../../src/spill-file/file-system.js';
import { settingsOf } from '../../../src/spill-file/options.js';
import { thisHost } from '../../../src/spill-file/owner.js';
import { FileSpillStore } from '../../../src/spill-file/store.js';
import { randomOf } from './random.js';

const [directory = '', first = '0', seed = '1', point = 'never', count = '0'] = process.argv.slice(2);
const random = randomOf(Number(seed));
let left = Number(count);

/** Dies at the chosen call; nothing runs after it. */
function reached(name: string): void {
	if (name === point && left-- === 0) process.kill(process.pid, 'SIGKILL');
}

const files: FileSystem = {
	...nodeFileSystem,
	async open(path, how) {
		const kind = how === 'directory' ? 'directory' : path.endsWith('.cursor') ? 'cursor' : 'log';
		if (how === 'create' && path.endsWith('.log')) reached('roll');
		const file = await nodeFileSystem.open(path, how);
		const around =
			<A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
			async (...args: A): Promise<R> => {
				reached(`before ${kind} ${name}`);
				const result = await call(...args);
				reached(`after ${kind} ${name}`);
				return result;
			};
		return {
			read: (...args) => file.read(...args),
			stat: () => file.stat(),
			truncate: (length) => file.truncate(length),
			close: () => file.close(),
			write: around('write', (...args: Parameters<typeof file.write>) => file.write(...args)),
			writev: around('writev', (...args: Parameters<typeof file.writev>) => file.writev(...args)),
			datasync: around('datasync', () => file.datasync()),
			sync: around('sync', () => file.sync()),
		};
	},
	async unlink(path) {
		if (path.endsWith('.log')) reached('before unlink');
		await nodeFileSystem.unlink(path);
		if (path.endsWith('.log')) reached('after unlink');
	},
};

const settings = settingsOf({ directory, maxBytes: 4_000_000, segmentBytes: 16_384, minFreeBytes: 0 });
const store = new FileSpillStore(settings, { files, host: thisHost, now: Date.now, lookEveryMs: 10 });
// Synchronous, so that what was promised is out before the process may die.
const say = (text: string) => writeSync(1, `${text}\n`);

await store.open();
say('open');
let next = Number(first);
for (;;) {
	const appends = Array.from({ length: 1 + Math.floor(random() * 4) }, async () => {
		const batch = Array.from({ length: 1 + Math.floor(random() * 8) }, () => {
			const id = next++;
			const payload = Buffer.alloc(Math.floor(random() * 900), id % 256);
			return { id: `id-${id}`, key: `key-${id % 5}`, payload, enqueuedAtMs: id };
		});
		await store.append(batch);
		say(`kept ${batch.map(({ id }) => id.slice(3)).join(' ')}`);
	});
	if (random() < 0.5) {
		const found = await store.read({ partition: 0, maxRecords: 200 });
		const upTo = found[Math.floor(random() * found.length)];
		if (upTo !== undefined) {
			say(`acking ${upTo.id.slice(3)}`);
			await store.ack(0, upTo.cursor);
			say(`acked ${upTo.id.slice(3)}`);
		}
	}
	await Promise.all(appends);
}
