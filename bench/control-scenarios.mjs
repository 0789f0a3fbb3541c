// Overloads that nothing was tuned on: made after the recommended ladder was finished, to see whether it holds elsewhere.
// They take the referee's form; `C` is the capacity, messages per second.

const MIN = 60_000;
const TAIL_MS = 10 * MIN;

/** @param C of the simulated service. @param traceScenario of the benchmark: a window of a recording as a load. */
export function furtherScenarios({ C, traceScenario }) {
	const base = 0.5 * C;
	const scenario = (name, more) => ({ name, mix: 'k2', loadEndMs: more.durationMs - TAIL_MS, ...more });
	/** For some minutes, and half of the capacity afterwards. */
	const constant = (name, times, minutes, more = {}) =>
		scenario(name, {
			durationMs: minutes * MIN + TAIL_MS,
			rate: (t) => (t < minutes * MIN ? times * C : base),
			...more,
		});
	/** For some minutes bursts of some seconds, one a period. */
	const bursts = (name, times, seconds, periodS, low, minutes) =>
		scenario(name, {
			durationMs: minutes * MIN + TAIL_MS,
			rate: (t) => (t < minutes * MIN && t % (periodS * 1000) < seconds * 1000 ? times * C : low * C),
		});
	const wave = (name, middle, swing, periodS) =>
		scenario(name, {
			durationMs: 40 * MIN + TAIL_MS,
			rate: (t) => (t < 40 * MIN ? (middle + swing * Math.sin((t / (periodS * 1000)) * 2 * Math.PI)) * C : base),
		});
	/** A load between two minutes, of half an hour. */
	const step = (name, times, fromMin, toMin, more = {}) =>
		scenario(name, {
			durationMs: 30 * MIN,
			rate: (t) => (t > fromMin * MIN && t < toMin * MIN ? times * C : base),
			loadEndMs: toMin * MIN,
			...more,
		});
	/** What the sensors make of a sample between two minutes. */
	const between = (fromMin, toMin, change) => (sample, now) =>
		now > fromMin * MIN && now < toMin * MIN ? change(sample) : sample;
	const isWithin = (t, fromMin, toMin) => t > fromMin * MIN && t < toMin * MIN;

	return [
		constant('near-0.97x', 0.97, 30),
		constant('over-1.05x', 1.05, 30),
		constant('over-1.9x', 1.9, 30),
		constant('over-3x', 3, 20, { durationMs: 40 * MIN }),
		constant('zipf-2.5x', 2.5, 30, { mix: 'zipf' }),
		wave('wave-2-min', 1, 0.6, 120),
		wave('wave-150-s', 1, 0.5, 150),
		wave('wave-5-min', 1.3, 0.9, 300),
		bursts('bursts-1-s', 8, 1, 10, 0.5, 20),
		bursts('bursts-5-s', 10, 5, 90, 0.5, 30),
		bursts('bursts-15-s', 4, 15, 100, 0.4, 40),
		bursts('bursts-40-s', 4, 40, 240, 0.4, 40),
		step('from-the-start', 6, -1, 5),
		step('trades-1.5x', 1.5, 1, 12, { mix: 'k2trades' }),
		step('trades-6x', 6, 1, 3, { mix: 'k2trades' }),
		step('pull-5x', 5, 1, 6, { intake: 'pull', durationMs: 40 * MIN }),
		scenario('pull-2.2x-heap', {
			intake: 'pull',
			durationMs: 40 * MIN,
			rate: (t) => (t < 20 * MIN ? 2.2 * C : base),
			heap: (t) => (isWithin(t, 5, 8) ? 56 : 0),
			loadEndMs: 20 * MIN,
		}),
		scenario('two-peaks', {
			durationMs: 50 * MIN,
			rate: (t) => (isWithin(t, 1, 4) || isWithin(t, 12, 15) ? 5 * C : 0.6 * C),
			loadEndMs: 15 * MIN,
		}),
		scenario('capacity-to-0.1', {
			durationMs: 30 * MIN,
			rate: () => 0.6 * C,
			capacity: (t) => (isWithin(t, 5, 10) ? 0.1 : 1),
			loadEndMs: 10 * MIN,
		}),
		scenario('capacity-flaps', {
			durationMs: 40 * MIN,
			rate: () => 0.6 * C,
			capacity: (t) => (t < 30 * MIN && Math.floor(t / 45_000) % 2 ? 0.4 : 1),
		}),
		scenario('capacity-wears-off', {
			durationMs: 50 * MIN,
			rate: () => 0.8 * C,
			capacity: (t) => (t < 40 * MIN ? 1 - 0.7 * Math.min(1, t / (30 * MIN)) : 1),
		}),
		step('all-sensors-nan', 5, 1, 3, {
			durationMs: 25 * MIN,
			fault: (sample) => ({ ...sample, lag: Number.NaN, heapPct: Number.NaN, queueDelayMs: Number.NaN }),
		}),
		step('no-samples', 5, 1, 3, { durationMs: 25 * MIN, fault: between(1.5, 4, () => null) }),
		step('lag-stuck-at-0', 3, 6, 12, { fault: between(5, 15, (sample) => ({ ...sample, lag: 0, queueDelayMs: 0 })) }),
		step('lag-stuck-high', 3, 6, 9, { loadEndMs: 12 * MIN, fault: stuckLag(7 * MIN, 12 * MIN) }),
		step('heap-stuck-at-96', 0.5, 5, 12, { fault: between(5, 12, (sample) => ({ ...sample, heapPct: 96 })) }),
		scenario('heap-leak-half-seen', {
			durationMs: 40 * MIN,
			rate: () => 0.6 * C,
			...{ leakPctPerS: 0.04, leakFrom: 5 * MIN, leakTo: 25 * MIN, loadEndMs: 25 * MIN },
			fault: (sample, _, random) => (random() < 0.3 ? { ...sample, heapPct: Number.NaN } : sample),
		}),
		constant('lag-noise-50', 1.2, 30, {
			fault: (sample, _, random) => ({ ...sample, lag: sample.lag * (0.5 + random()) }),
		}),
		traceScenario('wc98-0630-early', 'wc98_1998-06-30', { from: 300, n: 540, stepS: 6, peakX: 6 }),
		traceScenario('wc98-0703', 'wc98_1998-07-03', { from: 600, n: 700, stepS: 5, peakX: 5 }),
		traceScenario('wc98-0512-early', 'wc98_1998-05-12', { from: 100, n: 500, stepS: 6, peakX: 4, mix: 'zipf' }),
		traceScenario('twitter-AAPL-early', 'nab_Twitter_volume_AAPL', { from: 200, n: 600, stepS: 6, peakX: 5 }),
		traceScenario('twitter-GOOG-fast', 'nab_Twitter_volume_GOOG', { from: 2000, n: 1500, stepS: 2, peakX: 5 }),
		traceScenario('nyc-taxi', 'nab_nyc_taxi', { from: 5700, n: 700, stepS: 6, peakX: 2 }),
		traceScenario('ec2-network', 'nab_ec2_network_in_5abac7', { from: 'peak', n: 600, stepS: 5, peakX: 5 }),
		traceScenario('exchange', 'nab_exchange-2_cpm_results', { from: 'peak', n: 600, stepS: 6, peakX: 4 }),
		traceScenario('ec2-latency-later', 'nab_ec2_request_latency_system_failure', {
			...{ from: 2000, n: 1200, stepS: 4, as: 'latency' },
		}),
		traceScenario('ec2-cpu-as-heap', 'nab_ec2_cpu_utilization_fe7f93', { from: 'peak', n: 600, stepS: 5, as: 'heap' }),
	];
}

/** A sensor that tells the same lag from one time to another. */
function stuckLag(fromMs, untilMs) {
	let lag = null;
	return (sample, now) => {
		if (now < fromMs) lag = null;
		else if (now <= untilMs) lag ??= sample.lag;
		return now < fromMs || now > untilMs ? sample : { ...sample, lag };
	};
}
