import type { LoadShedder } from '../../index.js';
import { type Message, SAMPLES } from './feed.js';
import { minutes } from './format.js';
import { BESIDE_LABEL } from './layout.js';
import type { Gauge, Moment, Trace } from './moment.js';
import { severityOf } from './scale.js';

interface MonitorOptions {
	readonly gauges: { readonly [signal: string]: Gauge };
	readonly nowMs: () => number;
	/** Messages so far. */
	readonly counts: () => { readonly arrived: number; readonly finished: number };
	/** Messages per item that the shedder counts. */
	readonly weight: number;
	/** Time between two columns of the history. */
	readonly traceMs: number;
}

const FLOW_OVER_MS = 1_000;

/** Watches a shedder: what it tells of itself at a moment, and what only shows over time. */
export function createMonitor<N extends string, S extends string, G extends string, R extends string, F extends string>(
	shedder: LoadShedder<Message, N, S, G, R, F>,
	{ gauges, nowMs, counts, weight, traceMs }: MonitorOptions,
) {
	const startMs = nowMs();
	const history: Trace[] = [];
	let tracedAtMs = startMs;
	let last = { atMs: startMs, ...counts() };
	let flow = { arriving: 0, handled: 0 };
	const time = () => minutes(nowMs() - startMs);

	return {
		time,
		/** To be called often. */
		look(): void {
			const atMs = nowMs();
			const elapsedS = (atMs - last.atMs) / 1000;
			if (atMs - last.atMs >= FLOW_OVER_MS) {
				const now = { atMs, ...counts() };
				flow = {
					arriving: (now.arrived - last.arrived) / elapsedS,
					handled: (now.finished - last.finished) / elapsedS,
				};
				last = now;
			}
			if (atMs - tracedAtMs < traceMs) return;
			tracedAtMs = atMs;
			const { signals, levelIndex } = shedder.stats();
			const { levels } = shedder.ladder;
			const severities = signals.map((signal) => severityOf(signal, signal.value, levels));
			history.push({ level: levelIndex, severity: Math.max(...severities.filter(Number.isFinite), 0) });
			if (history.length > BESIDE_LABEL) history.shift();
		},
		moment: (title: string): Moment => ({
			title,
			time: time(),
			nowMs: nowMs(),
			levels: shedder.ladder.levels,
			stats: shedder.stats(),
			gauges,
			rows: SAMPLES.map(({ who, message }) => ({ who, decision: shedder.decide(message) })),
			flow,
			weight,
			history,
		}),
	};
}
