import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import type { SignalSource } from '../ports/signal.js';
import { cpusOf, readText } from './cpu-limit.js';
import { utilisation } from './utilisation.js';

/**
 * CPU time of the whole process / what it could have had between two reads, 0..1: its cores, or the quota of its control
 * group where that is less (looked up once, here). The first reading is unknown. Give each controller a signal of its own.
 *
 * A service that works on one thread reads 1 / cores at its limit: use `eventLoopSignal` for it.
 */
export function cpuSignal(): SignalSource {
	const cpus = cpusOf(availableParallelism(), readText);
	return utilisation(() => {
		const { user, system } = process.cpuUsage();
		return { busyMs: (user + system) / 1_000 / cpus, totalMs: performance.now() };
	});
}
