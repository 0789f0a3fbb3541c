import { describe, expect, it } from 'vitest';
import { childTimeoutMs, inChild } from './child.js';

describe('the process signals', () => {
	it('keep no process alive, read and not closed', { timeout: childTimeoutMs }, async () => {
		const readings = await inChild<(number | null)[]>(`
			import { setTimeout as pass } from 'node:timers/promises';
			import * as signals from './src/process/index.ts';

			const all = [
				signals.heapSignal(),
				signals.memorySignal(),
				signals.eventLoopSignal(),
				signals.eventLoopDelaySignal(),
				signals.cpuSignal(),
				signals.diskSignal({ path: '.' }),
			];
			const read = () => Promise.all(all.map((it) => it.read()));
			await read();
			await pass(100);
			console.log(JSON.stringify(await read()));
		`);
		expect(readings).toHaveLength(6);
		for (const reading of readings) expect(reading).toBeGreaterThanOrEqual(0);
	});
});
