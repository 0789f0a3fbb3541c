import { performance } from 'node:perf_hooks';
import type { SignalSource } from '../ports/signal.js';
import { utilisation } from './utilisation.js';

/**
 * Event-loop utilisation: the share of the time between two reads in which this thread's event loop was busy and not
 * waiting for something to happen, 0..1. The first reading is unknown. Give each controller a signal of its own.
 *
 * It cannot say by how much the loop is overloaded, only that it is; `eventLoopDelaySignal` can.
 */
export function eventLoopSignal(): SignalSource {
	return utilisation(() => {
		const { active, idle } = performance.eventLoopUtilization();
		return { busyMs: active, totalMs: active + idle };
	});
}
