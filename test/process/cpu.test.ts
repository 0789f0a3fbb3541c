import { describe, expect, it } from 'vitest';
import { cpusOf } from '../../src/process/cpu-limit.js';
import { cpuSignal } from '../../src/process/index.js';
import { childTimeoutMs, inChild } from './child.js';

/** The CPUs of a machine of 8 cores with these files. */
const cpusWith = (files: { readonly [path: string]: string }) => cpusOf(8, (path) => files[path]);

describe('the CPUs that a process may use', () => {
	it('are its cores where there are no control groups', () => {
		expect(cpusWith({})).toBe(8);
	});

	it('are its cores where its control groups have no limit', () => {
		expect(cpusWith({ '/proc/self/cgroup': '0::/app\n', '/sys/fs/cgroup/app/cpu.max': 'max 100000\n' })).toBe(8);
		expect(
			cpusWith({
				'/proc/self/cgroup': '1:cpu:/\n',
				'/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
				'/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
			}),
		).toBe(8);
	});

	it('are the quota of a container, which sees its own group as the root', () => {
		expect(cpusWith({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' })).toBe(0.5);
	});

	it('are the smallest quota of the group and all above it', () => {
		expect(
			cpusWith({
				'/proc/self/cgroup': '0::/system.slice/app.service\n',
				'/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
				'/sys/fs/cgroup/system.slice/app.service/cpu.max': '400000 100000\n',
			}),
		).toBe(1.5);
	});

	it('are the quota of version 1, also where the path of the host does not exist in the container', () => {
		expect(
			cpusWith({
				'/proc/self/cgroup': '5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/\n',
				'/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '250000\n',
				'/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
			}),
		).toBe(2.5);
	});

	it('are never more than its cores', () => {
		expect(cpusWith({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '1600000 100000\n' })).toBe(8);
	});
});

describe('cpuSignal', () => {
	it('is unknown at two first reads in a row', () => {
		const signal = cpuSignal();
		expect(signal.read()).toBeNaN();
		expect(signal.read()).toBeNaN();
	});

	it('reads the CPU time of a busy window, and almost none of an idle one', { timeout: childTimeoutMs }, async () => {
		const { busy, expected, idle } = await inChild<{ busy: number; expected: number; idle: number }>(`
			import { availableParallelism } from 'node:os';
			import { setTimeout as pass } from 'node:timers/promises';
			import { cpusOf, readText } from './src/process/cpu-limit.ts';
			import { cpuSignal } from './src/process/index.ts';

			const signal = cpuSignal();
			signal.read();
			const from = { cpu: process.cpuUsage(), atMs: performance.now() };
			let spent;
			do spent = process.cpuUsage(from.cpu);
			while (spent.user + spent.system < 300_000);
			const busy = signal.read();
			const cpuMs = (spent.user + spent.system) / 1_000;
			const expected = cpuMs / (performance.now() - from.atMs) / cpusOf(availableParallelism(), readText);
			await pass(1_000);
			console.log(JSON.stringify({ busy, expected, idle: signal.read() }));
		`);
		expect(busy).toBeCloseTo(Math.min(expected, 1), 1);
		expect(busy).toBeGreaterThan(0);
		expect(idle).toBeLessThan(busy / 2);
	});
});
