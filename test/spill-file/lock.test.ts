import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/spill-file/file-system.js';
import { fileSpill } from '../../src/spill-file/index.js';
import { lockDirectory, ownerOf } from '../../src/spill-file/lock.js';
import { type Host, type Owner, thisHost } from '../../src/spill-file/owner.js';
import { Disk } from './support/disk.js';
import { DIRECTORY, hostOf, idsOf, storeOn, temporaryDirectory, waiting } from './support/store.js';

/** A system with processes of our choosing: pid to start time. */
const hostWith = (processes: Record<number, string>, changes: Partial<Host> = {}): Host => ({
	...hostOf(1),
	pid: 1,
	pidNamespace: async () => 'ns-1',
	startTicks: async (pid) => processes[pid] ?? 'gone',
	...changes,
});

async function diskWith(owner: Partial<Owner> | string): Promise<Disk> {
	const disk = new Disk();
	await disk.mkdir(DIRECTORY);
	const dead: Owner = {
		token: 'the-other',
		bootId: 'boot-1',
		pid: 1,
		startTicks: '500',
		pidNamespace: 'ns-1',
		host: 'elsewhere',
		sinceMs: 1_700_000_000_000,
		answers: false,
	};
	await disk.open(join(DIRECTORY, 'lock'), 'create');
	disk.overwrite(
		join(DIRECTORY, 'lock'),
		Buffer.from(typeof owner === 'string' ? owner : JSON.stringify({ ...dead, ...owner })),
	);
	return disk;
}

const lock = (disk: Disk, host: Host) => lockDirectory(disk, DIRECTORY, host, 1);

describe('the lock of a directory', () => {
	it('says who holds it, and is free again when that one closes', async () => {
		const disk = new Disk();
		await disk.mkdir(DIRECTORY);
		const host = hostWith({ 1: '500', 2: '600' }, { name: 'box' });
		const hold = await lockDirectory(disk, DIRECTORY, host, Date.UTC(2026, 0, 1));
		await expect(lock(disk, { ...host, pid: 2 })).rejects.toMatchObject({
			code: 'SPILL_LOCKED',
			message: `${DIRECTORY} is in use by process 1 (started at tick 500) on box since 2026-01-01T00:00:00.000Z; one directory serves one store at a time`,
		});
		expect(await ownerOf(disk, DIRECTORY, host)).toMatchObject({ alive: true, owner: { pid: 1 } });
		await hold.release();
		expect(disk.paths).toEqual([]);
		await (await lock(disk, { ...host, pid: 2 })).release();
		expect(disk.paths).toEqual([]);
	});

	it('is taken all the same where another took what was half written for the leftover of somebody dead', async () => {
		const disk = new Disk();
		await disk.mkdir(DIRECTORY);
		const link = disk.link.bind(disk);
		let tidied = 0;
		disk.link = async (from, to) => {
			if (tidied++ === 0) await disk.unlink(from);
			return link(from, to);
		};
		const hold = await lock(disk, hostWith({ 1: '500' }));
		expect(tidied).toBe(2);
		expect(await ownerOf(disk, DIRECTORY, hostWith({ 1: '500' }))).toMatchObject({ alive: true });
		await hold.release();
		expect(disk.paths).toEqual([]);
	});

	it('refuses a second store in the same process', async () => {
		const disk = new Disk();
		const first = storeOn(disk);
		await first.open();
		await expect(storeOn(disk).open()).rejects.toMatchObject({ code: 'SPILL_LOCKED' });
		await first.close();
		const second = storeOn(disk);
		await second.open();
		await second.close();
	});

	it.each([
		['of a process that is gone', { pid: 7 }],
		['of another process that now has its pid', { startTicks: '499' }],
		['of another boot, though the pid and the start time are the same', { bootId: 'boot-0' }],
		['of another container, which does not answer any more', { pidNamespace: 'ns-0', answers: true }],
		['that is damaged', '{"token":"abc'],
		['that is empty', ''],
		['that is something else', '{"token":"../../x","bootId":"boot-1","pid":1}'],
	] as const)('is taken over from an owner %s', async (_, owner) => {
		const disk = await diskWith(owner);
		const host = hostWith({ 1: '500', 3: '700' }, { answers: async () => false });
		const hold = await lock(disk, { ...host, pid: 3 });
		expect(await ownerOf(disk, DIRECTORY, host)).toMatchObject({ alive: true, owner: { pid: 3 } });
		expect(disk.paths).toEqual([join(DIRECTORY, 'lock')]);
		await hold.release();
	});

	it.each<[string, Partial<Owner>, Partial<Host>]>([
		['of a process that lives', {}, {}],
		['whose start time nobody can tell', {}, { startTicks: async () => null }],
		['of another container, which answers', { pidNamespace: 'ns-0', answers: true }, { answers: async () => true }],
		['of another container, which could not open a socket', { pidNamespace: 'ns-0' }, { answers: async () => false }],
		['of this very process, which answers', { answers: true }, { answers: async () => true }],
		['of this very process, which could not open a socket', {}, { answers: async () => false }],
		['of another process that lives, whatever its socket', { pid: 3, startTicks: '700', answers: true }, {}],
	])('is not taken from an owner %s', async (_, owner, changes) => {
		const disk = await diskWith(owner);
		const processes = { 1: '500', 3: '700' };
		await expect(lock(disk, hostWith(processes, { answers: async () => false, ...changes }))).rejects.toMatchObject({
			code: 'SPILL_LOCKED',
		});
		expect(disk.paths).toEqual([join(DIRECTORY, 'lock')]);
	});

	it('is won by exactly one of many who find a dead owner at the same moment', async () => {
		for (let round = 0; round < 50; round++) {
			const disk = await diskWith({ pid: 7 });
			// Each call ends after another number of turns, so that they overtake each other.
			const slow = slowed(disk, round);
			const processes = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [100 + i, `${i}`]));
			const outcomes = await Promise.allSettled(
				Object.keys(processes).map((pid) =>
					lockDirectory(slow, DIRECTORY, hostWith(processes, { pid: Number(pid) }), 1),
				),
			);
			const won = outcomes.filter(({ status }) => status === 'fulfilled');
			expect(won.length, `round ${round}`).toBe(1);
			for (const one of outcomes) {
				if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'SPILL_LOCKED' });
			}
			expect((await ownerOf(disk, DIRECTORY, hostWith(processes)))?.alive).toBe(true);
		}
	});

	it('is never held twice while many take it, die and give it back', async () => {
		const disk = new Disk();
		await disk.mkdir(DIRECTORY);
		let holders = 0;
		let wins = 0;
		let boot = 0;
		const alive: Record<number, string> = {};
		const live = async (pid: number) => {
			for (let turn = 0; turn < 30; turn++) {
				const own = pid * 1000 + turn;
				alive[own] = `${own}`;
				try {
					const hold = await lockDirectory(slowed(disk, boot++), DIRECTORY, hostWith(alive, { pid: own }), 1);
					expect(++holders).toBe(1);
					wins++;
					await new Promise(setImmediate);
					holders--;
					if (turn % 2 === 0) await hold.release();
				} catch (error) {
					expect(error).toMatchObject({ code: 'SPILL_LOCKED' });
				}
				delete alive[own];
			}
		};
		await Promise.all([1, 2, 3, 4, 5].map(live));
		expect(wins).toBeGreaterThan(10);
	});

	it('is taken over when somebody died in the middle of taking it over', async () => {
		const disk = await diskWith({ pid: 7 });
		const rival = hostWith({ 3: '700' }, { pid: 3 });
		disk.fault = ({ name, path }) => (name === 'rename' && path.endsWith('/lock') ? { code: 'EIO' } : undefined);
		const remove = disk.unlink.bind(disk);
		// It dies: nothing of what it made is removed.
		disk.unlink = async () => {};
		await expect(lock(disk, rival)).rejects.toMatchObject({ code: 'EIO' });
		expect(disk.paths.length).toBeGreaterThan(2);
		disk.unlink = remove;
		disk.fault = () => undefined;
		const hold = await lock(disk, hostWith({ 4: '800' }, { pid: 4 }));
		expect(disk.paths).toEqual([join(DIRECTORY, 'lock')]);
		await hold.release();
		expect(disk.paths).toEqual([]);
	});
});

describe('this host', () => {
	it('knows itself, and that nobody has a pid that cannot be', async () => {
		const ticks = await thisHost.startTicks(process.pid);
		if (process.platform === 'linux') expect(ticks).toMatch(/^\d+$/);
		expect(ticks).not.toBe('gone');
		expect(await thisHost.startTicks(2 ** 30)).toBe('gone');
		expect(await thisHost.bootId()).toBe(await thisHost.bootId());
	});

	it.skipIf(process.platform === 'win32')('hears an owner that lives, and none that is gone', async () => {
		const path = join(temporaryDirectory(), 'socket');
		const stop = await thisHost.listen(path);
		expect(await thisHost.answers(path)).toBe(true);
		await stop?.();
		expect(await thisHost.answers(path)).toBe(false);
		expect(await thisHost.listen(join(path, 'x'.repeat(200)))).toBeUndefined();
	});

	it.skipIf(process.platform === 'win32')('takes over from a worker thread of its own that was ended', async () => {
		const directory = temporaryDirectory();
		const script = join(temporaryDirectory(), 'holder.mjs');
		const entry = fileURLToPath(new URL('./support/holder.ts', import.meta.url));
		await build({ entryPoints: [entry], outfile: script, bundle: true, platform: 'node', format: 'esm' });
		const worker = new Worker(script, { workerData: directory });
		try {
			await once(worker, 'message');
			await expect(lockDirectory(nodeFileSystem, directory, thisHost, 1)).rejects.toMatchObject({
				code: 'SPILL_LOCKED',
			});
		} finally {
			await worker.terminate();
		}
		const store = fileSpill({ directory, maxBytes: 1_000_000, minFreeBytes: 0 });
		await store.open();
		expect(idsOf(await waiting(store))).toEqual([7]);
		await store.close();
	});

	it.skipIf(process.platform === 'win32')('takes over from an owner in another container that is gone', async () => {
		const directory = temporaryDirectory();
		const inContainer: Host = { ...thisHost, pidNamespace: async () => 'pid:[1]' };
		const hold = await lockDirectory(nodeFileSystem, directory, inContainer, 1);
		await expect(lockDirectory(nodeFileSystem, directory, thisHost, 1)).rejects.toMatchObject({ code: 'SPILL_LOCKED' });
		await hold.release();
		// What is left of one that was killed: a lock, and a socket that nobody listens on.
		await lockDirectory(nodeFileSystem, directory, { ...inContainer, listen: async () => async () => {} }, 1);
		const next = await lockDirectory(nodeFileSystem, directory, thisHost, 1);
		expect(await nodeFileSystem.readdir(directory)).toHaveLength(2);
		await next.release();
		expect(await nodeFileSystem.readdir(directory)).toEqual([]);
	});
});

/** The same disk, each call taking another number of turns. */
function slowed(disk: Disk, seed: number): Disk {
	let n = seed;
	return new Proxy(disk, {
		get(target, name) {
			const value: unknown = Reflect.get(target, name);
			if (typeof value !== 'function') return value;
			return async (...args: unknown[]) => {
				n = (n * 1103515245 + 12345) % 2 ** 31;
				for (let turns = n % 7; turns > 0; turns--) await Promise.resolve();
				return value.apply(target, args);
			};
		},
	});
}
