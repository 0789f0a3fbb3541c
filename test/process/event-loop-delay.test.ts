import { describe, expect, it } from 'vitest';
import { delayOn, periodMs } from '../../src/process/event-loop-delay.js';
import { steppingClock } from '../signals/stepping-clock.js';
import { childTimeoutMs, inChild } from './child.js';

function measured() {
	const clock = steppingClock();
	const signal = delayOn(clock);
	signal.read();
	return { clock, signal };
}

describe('eventLoopDelaySignal', () => {
	it('is unknown at the first read and 0 while the timer is on time', () => {
		const clock = steppingClock();
		const signal = delayOn(clock);
		expect(signal.read()).toBeNaN();
		clock.advance(500);
		expect(signal.read()).toBe(0);
		clock.advance(500);
		expect(signal.read()).toBe(0);
	});

	it('reads the worst lateness of its window, once', () => {
		const { clock, signal } = measured();
		clock.advance(periodMs);
		clock.block(periodMs + 70);
		clock.catchUp();
		clock.advance(periodMs);
		clock.block(periodMs + 30);
		clock.catchUp();
		clock.advance(300);
		expect(signal.read()).toBe(70);
		clock.advance(500);
		expect(signal.read()).toBe(0);
	});

	it('sees a block that begins right after a read', () => {
		const { clock, signal } = measured();
		clock.advance(500);
		signal.read();
		clock.block(300);
		clock.catchUp();
		clock.advance(200);
		expect(signal.read()).toBe(300 - periodMs);
	});

	it('sees a block that begins right after the first read', () => {
		const { clock, signal } = measured();
		clock.block(300);
		clock.catchUp();
		expect(signal.read()).toBe(300 - periodMs);
	});

	it('counts a block at whose end the read comes before the timer, and does not count it twice', () => {
		const { clock, signal } = measured();
		clock.advance(500);
		signal.read();
		clock.block(300);
		expect(signal.read()).toBe(300 - periodMs);
		clock.catchUp();
		clock.advance(500);
		expect(signal.read()).toBe(0);
	});

	it('repeats itself where a window is too short for the timer to run', () => {
		const { clock, signal } = measured();
		expect(signal.read()).toBeNaN();
		clock.block(periodMs + 100);
		expect(signal.read()).toBe(100);
		clock.advance(periodMs - 1);
		expect(signal.read()).toBe(100);
		clock.advance(1);
		expect(signal.read()).toBe(0);
	});

	it('has no timer before its first read and after it was closed', () => {
		const clock = steppingClock();
		const signal = delayOn(clock);
		expect(clock.timers()).toBe(0);
		signal.read();
		expect(clock.timers()).toBe(1);
		signal.close?.();
		expect(clock.timers()).toBe(0);
		signal.close?.();
		clock.block(60_000);
		expect(signal.read(), 'the time in which it was closed is no delay').toBeNaN();
		clock.advance(500);
		expect(signal.read()).toBe(0);
	});

	it('measures a real block that begins right after a read', { timeout: childTimeoutMs }, async () => {
		const { blocked, after } = await inChild<{ blocked: number; after: number }>(`
			import { setTimeout as pass } from 'node:timers/promises';
			import { eventLoopDelaySignal } from './src/process/index.ts';

			const signal = eventLoopDelaySignal();
			signal.read();
			await pass(100);
			signal.read();
			const until = performance.now() + 1_000;
			while (performance.now() < until);
			await pass(50);
			const blocked = signal.read();
			await pass(200);
			console.log(JSON.stringify({ blocked, after: signal.read() }));
		`);
		expect(blocked).toBeGreaterThanOrEqual(1_000 - periodMs);
		expect(after).toBeLessThan(500);
	});
});
