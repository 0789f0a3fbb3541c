import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { diskOn, diskRatio } from '../../src/process/disk.js';
import { diskSignal } from '../../src/process/index.js';
import { fc } from '../support/property.js';

describe('diskSignal', () => {
	it('reads how full a real file system is', async () => {
		const reading = await diskSignal({ path: tmpdir() }).read();
		expect(reading).toBeCloseTo(diskRatio(await statfs(tmpdir())), 1);
		expect(reading).toBeGreaterThanOrEqual(0);
		expect(reading).toBeLessThanOrEqual(1);
	});

	it('is 1 when only what is reserved for the administrator is left', () => {
		expect(diskRatio({ blocks: 100, bfree: 5, bavail: 0 })).toBe(1);
	});

	it('does not count the reserve as used either', () => {
		expect(diskRatio({ blocks: 100, bfree: 100, bavail: 95 })).toBe(0);
		expect(diskRatio({ blocks: 105, bfree: 55, bavail: 50 })).toBe(0.5);
	});

	it('is unknown on a file system without blocks', () => {
		expect(diskRatio({ blocks: 0, bfree: 0, bavail: 0 })).toBeNaN();
	});

	it('is always within 0..1', () => {
		const space = fc.tuple(fc.nat(), fc.nat(), fc.nat()).map(([used, usable, reserved]) => ({
			blocks: 1 + used + usable + reserved,
			bfree: usable + reserved,
			bavail: usable,
		}));
		fc.assert(
			fc.property(space, (it) => {
				expect(diskRatio(it)).toBeGreaterThanOrEqual(0);
				expect(diskRatio(it)).toBeLessThanOrEqual(1);
			}),
		);
	});

	it('rejects with the path that it cannot measure', async () => {
		const path = '/no/such/directory';
		const read = Promise.resolve(diskSignal({ path }).read());
		await expect(read).rejects.toThrow(
			`diskSignal: cannot measure the file system of "${path}": Error: ENOENT: no such file or directory, statfs '${path}'`,
		);
		await expect(read).rejects.toMatchObject({ cause: { code: 'ENOENT' } });
	});

	it('has at most one measurement under way, and measures again after each', async () => {
		const waiting: { resolve: (space: typeof half) => void; reject: (error: Error) => void }[] = [];
		const half = { blocks: 100, bfree: 50, bavail: 50 };
		const signal = diskOn(() => new Promise((resolve, reject) => waiting.push({ resolve, reject })), '/data');
		const reads = [signal.read(), signal.read()];
		expect(waiting).toHaveLength(1);
		waiting[0]?.resolve(half);
		expect(await Promise.all(reads)).toEqual([0.5, 0.5]);
		const failing = signal.read();
		expect(waiting).toHaveLength(2);
		waiting[1]?.reject(new Error('EIO'));
		await expect(failing).rejects.toThrow('EIO');
		const again = signal.read();
		waiting[2]?.resolve({ ...half, bavail: 0 });
		expect(await again).toBe(1);
	});
});
