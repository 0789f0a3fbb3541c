import { describe, expect, it } from 'vitest';
import { eventLoopSignal } from '../../src/process/index.js';
import { childTimeoutMs, inChild } from './child.js';

describe('eventLoopSignal', () => {
	it('reads 1 for a busy window and almost 0 for an idle one, whatever was since the process began', {
		timeout: childTimeoutMs,
	}, async () => {
		const { sinceBoot, busy, idle } = await inChild<{ sinceBoot: number; busy: number; idle: number }>(`
			import { performance } from 'node:perf_hooks';
			import { setTimeout as pass } from 'node:timers/promises';
			import { eventLoopSignal } from './src/process/index.ts';

			// Starting up is busy: enough idle time first, however slow the machine, for an average that stays low.
			while (performance.eventLoopUtilization().utilization > 0.3) await pass(50);
			const signal = eventLoopSignal();
			signal.read();
			const until = performance.now() + 50;
			while (performance.now() < until);
			const busy = signal.read();
			const sinceBoot = performance.eventLoopUtilization().utilization;
			await pass(500);
			console.log(JSON.stringify({ sinceBoot, busy, idle: signal.read() }));
		`);
		expect(busy).toBeGreaterThan(0.99);
		expect(idle).toBeLessThan(0.5);
		expect(sinceBoot, 'the average that is not used').toBeLessThan(0.6);
	});

	it('is unknown at two first reads in a row, not 0 / 0 and not the reader itself', () => {
		const signal = eventLoopSignal();
		expect(signal.read()).toBeNaN();
		expect(signal.read()).toBeNaN();
	});
});
