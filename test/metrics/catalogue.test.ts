import { describe, expect, it } from 'vitest';
import type { Stats } from '../../src/index.js';
import { createTierRegistry, defineLadder, memorySpill } from '../../src/index.js';
import { CATALOGUE } from '../../src/metrics/catalogue.js';
import { LABELS } from '../../src/metrics/labels.js';
import { driver, spec, tiers } from '../control/driver.js';

/** The value of the metric with these labels, `undefined` without a sample. */
function value(stats: Stats, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
	const metric = CATALOGUE.find((one) => one.name === name);
	if (metric === undefined) throw new Error(`no metric "${name}"`);
	const found = metric
		.samples(stats)
		.filter((sample) => Object.entries(labels).every(([k, v]) => sample.labels[k] === v));
	return found.length === 0 ? undefined : found.reduce((sum, sample) => sum + sample.value, 0);
}

describe('the catalogue', () => {
	it('has names that are valid, end with their unit and are unique, also without the suffix of counters', () => {
		for (const { name, kind, unit } of CATALOGUE) {
			expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
			expect(name.endsWith('_total'), name).toBe(kind === 'counter');
			const base = name.replace(/_total$/, '');
			if (unit === 'seconds') expect(base).toMatch(/_seconds$/);
			if (unit === 'timestamp') expect(base).toMatch(/_timestamp_seconds$/);
			if (unit === 'bytes') expect(base).toMatch(/_bytes$/);
			if (unit === 'ratio') expect(base).toMatch(/_ratio$/);
		}
		// An OpenMetrics registry takes the suffix off.
		const bare = CATALOGUE.map(({ name }) => name.replace(/_total$/, ''));
		expect(new Set(bare).size).toBe(bare.length);
	});

	it('sums counters over the processes of a cluster, and never sums a level, a state or an instant', () => {
		for (const { name, kind, unit, cluster } of CATALOGUE) {
			if (kind === 'counter') expect(cluster, name).toBe('sum');
			if (['level', 'state', 'signal', 'ratio', 'timestamp', 'seconds'].includes(unit) && kind === 'gauge')
				expect(cluster, name).not.toBe('sum');
		}
	});

	it('gives each sample a finite value and just the labels it declares, with values that these may have', async () => {
		for (const stats of await manyStats()) {
			for (const metric of CATALOGUE) {
				const samples = metric.samples(stats);
				for (const { labels, value } of samples) {
					expect(Number.isFinite(value), metric.name).toBe(true);
					expect(Object.keys(labels).sort(), metric.name).toEqual([...metric.labels].sort());
					for (const [label, text] of Object.entries(labels)) {
						const allowed = LABELS[label as keyof typeof LABELS];
						if (typeof allowed !== 'string') expect(allowed).toContain(text);
					}
				}
				const ids = samples.map(({ labels }) => JSON.stringify(labels));
				expect(new Set(ids).size, metric.name).toBe(ids.length);
				if (metric.absent === undefined) expect(samples, metric.name).not.toEqual([]);
			}
		}
	});

	it('shows every counter before it counts for the first time, so that its first increase is one', async () => {
		const { shedder, at } = driver({ spill: memorySpill(), priorityOf: (message) => message.priority });
		const handle = shedder.wrap(() => 'done');
		await shedder.check();
		const before = shedder.stats();
		await at('GRACEFUL');
		await handle({ key: 'x', priority: 'low' });
		await at('AGGRESSIVE');
		await handle({ key: 'x' });
		const after = shedder.stats();
		for (const metric of CATALOGUE.filter(({ kind }) => kind === 'counter')) {
			const known = new Set(metric.samples(before).map(({ labels }) => JSON.stringify(labels)));
			for (const { labels } of metric.samples(after)) expect(known, metric.name).toContain(JSON.stringify(labels));
		}
		expect(value(after, 'messages_shed_total', { level: 'GRACEFUL', tier: 'bronze', action: 'drop' })).toBe(1);
		expect(value(after, 'messages_shed_total', { level: 'AGGRESSIVE', tier: 'bronze', action: 'spill' })).toBe(1);
		expect(value(after, 'decisions_total', { action: 'drop', priority: 'low', tier: 'bronze' })).toBe(1);
		const rise = { from_level: 'NORMAL', to_level: 'GRACEFUL', cause: 'load' };
		expect(value(before, 'degradation_transitions_total', rise)).toBe(0);
		expect(value(after, 'degradation_transitions_total', rise)).toBe(1);
		await shedder.stop();
	});

	it('never has a key of a message in it', async () => {
		const { shedder, at } = driver({ spill: memorySpill() });
		const handle = shedder.wrap(() => 'done');
		for (const level of ['NORMAL', 'GRACEFUL', 'AGGRESSIVE'] as const) {
			await at(level);
			for (let n = 0; n < 50; n++) await handle({ key: `secret-${n}`, n });
		}
		const stats = shedder.stats();
		const all = CATALOGUE.flatMap((metric) => metric.samples(stats));
		expect(JSON.stringify(all)).not.toContain('secret');
		expect(all.length).toBeLessThan(300);
		await shedder.stop();
	});

	it('tells where the ladder stands, what asks for it and what holds it', async () => {
		const { shedder, at, clock } = driver();
		await at('AGGRESSIVE');
		expect(value(shedder.stats(), 'degradation_level')).toBe(3);
		expect(value(shedder.stats(), 'degradation_demand_level')).toBe(3);
		expect(value(shedder.stats(), 'degradation_severity')).toBeCloseTo(3, 6);
		expect(value(shedder.stats(), 'degradation_shedding')).toBe(1);
		expect(value(shedder.stats(), 'degradation_level_active', { level: 'AGGRESSIVE' })).toBe(1);
		expect(value(shedder.stats(), 'degradation_level_active')).toBe(1);
		expect(value(shedder.stats(), 'intake_paused')).toBe(0);
		await at('CIRCUIT_BREAK');
		expect(value(shedder.stats(), 'intake_paused')).toBe(1);
		const stats = shedder.stats();
		const entered = value(stats, 'last_transition_timestamp_seconds');
		await clock.advance(400);
		expect(value(shedder.stats(), 'last_transition_timestamp_seconds'), 'an instant does not tremble').toBe(entered);
		expect(value(shedder.stats(), 'time_in_level_seconds_total', { level: 'CIRCUIT_BREAK' })).toBeCloseTo(0.4, 6);
		expect(value(shedder.stats(), 'signal_value', { signal: 'load' })).toBe(40);
		expect(value(shedder.stats(), 'signal_threshold', { level: 'SOFT', edge: 'release' })).toBe(5);
	});

	it('tells what a person has set, and for how long', async () => {
		const { shedder, clock } = driver();
		await shedder.check();
		expect(value(shedder.stats(), 'overridden')).toBe(0);
		expect(value(shedder.stats(), 'override_remaining_seconds')).toBeUndefined();
		shedder.override({ level: 'SOFT', ttlMs: 60_000, reason: 'drill' });
		await clock.advance(10_000);
		expect(value(shedder.stats(), 'overridden')).toBe(1);
		expect(value(shedder.stats(), 'override_remaining_seconds')).toBe(50);
		expect(value(shedder.stats(), 'recovery_held', { reason: 'override' })).toBe(1);
		expect(value(shedder.stats(), 'recovery_held', { reason: 'cooldown' })).toBe(0);
	});

	it('has no value of a signal that is unknown, and says so', async () => {
		const made = driver();
		await made.at('SOFT');
		const read = value(made.shedder.stats(), 'signal_last_read_timestamp_seconds');
		expect(read).toBe(value(made.shedder.stats(), 'last_check_timestamp_seconds'));
		made.setLoad(Number.NaN);
		await made.clock.advance(2_000);
		await made.shedder.check();
		expect(value(made.shedder.stats(), 'signal_value')).toBeUndefined();
		expect(value(made.shedder.stats(), 'signal_unknown', { signal: 'load' })).toBe(1);
		expect(value(made.shedder.stats(), 'signal_last_read_timestamp_seconds')).toBe(read);
		expect(value(made.shedder.stats(), 'recovery_held', { reason: 'unknown' })).toBe(1);
		expect(made.shedder.stats().signals[0]?.ageMs).toBe(2_000);
	});

	it('counts checks and the time they take, so that an evaluator that stands still is seen', async () => {
		const { shedder, clock } = driver();
		expect(value(shedder.stats(), 'checks_total')).toBe(0);
		expect(value(shedder.stats(), 'last_check_timestamp_seconds')).toBeUndefined();
		await shedder.check();
		const first = value(shedder.stats(), 'last_check_timestamp_seconds') as number;
		await clock.advance(5_000);
		expect(value(shedder.stats(), 'last_check_timestamp_seconds'), 'no check since').toBe(first);
		await shedder.check();
		expect(value(shedder.stats(), 'last_check_timestamp_seconds')).toBeCloseTo(first + 5, 2);
		expect(value(shedder.stats(), 'checks_total')).toBe(2);
	});

	it('tells what is spilled, and how it comes back', async () => {
		const { shedder, at, clock, setLoad } = driver({ spill: memorySpill({ maxBytes: 1_000_000 }) });
		const handle = shedder.wrap(() => 'done');
		await at('AGGRESSIVE');
		for (let n = 0; n < 5; n++) await handle({ key: 'x', n });
		await shedder.check();
		expect(value(shedder.stats(), 'spill_messages')).toBe(5);
		expect(value(shedder.stats(), 'spill_capacity_bytes')).toBe(1_000_000);
		expect(value(shedder.stats(), 'spill_bytes')).toBeGreaterThan(0);
		const oldest = value(shedder.stats(), 'spill_oldest_timestamp_seconds') as number;
		expect(Math.abs(oldest - Date.now() / 1000)).toBeLessThan(60);
		expect(value(shedder.stats(), 'replay_delay_seconds')).toBeUndefined();
		setLoad(0);
		shedder.start();
		let delay: number | undefined;
		for (let turn = 0; turn < 200 && value(shedder.stats(), 'spill_messages') !== 0; turn++) {
			await clock.advance(50);
			delay ??= value(shedder.stats(), 'replay_delay_seconds');
		}
		expect(value(shedder.stats(), 'replayed_total', { outcome: 'replayed' })).toBe(5);
		expect(delay, 'it waited for the cooldown').toBeGreaterThan(0.9);
		expect(value(shedder.stats(), 'spill_oldest_timestamp_seconds'), 'none waits').toBeUndefined();
		expect(value(shedder.stats(), 'spill_lost_total')).toBe(0);
		await shedder.stop();
	});

	it('counts reloads of the tiers by their result, and remembers that the last one failed', () => {
		const registry = createTierRegistry(tiers);
		const { shedder } = driver({ tiers: registry });
		expect(value(shedder.stats(), 'tier_members', { tier: 'gold' })).toBe(2);
		expect(value(shedder.stats(), 'tier_members', { tier: 'bronze' }), 'whoever is not listed').toBeUndefined();
		const fallback = { name: 'rest', priority: 'normal' };
		registry.replace({ tiers: [{ name: 'gold', priority: 'critical', keys: ['G1', 'G2', 'G3'] }], fallback });
		expect(() => registry.replace({ tiers: 'gold' })).toThrow();
		expect(() => registry.replace({ tiers: [], fallback: { name: 'rest', priority: 'nobody' } })).toThrow(
			'a priority of the shedder',
		);
		expect(value(shedder.stats(), 'tier_reloads_total', { result: 'ok' })).toBe(1);
		expect(value(shedder.stats(), 'tier_reloads_total', { result: 'failed' })).toBe(2);
		expect(value(shedder.stats(), 'tier_reload_failing')).toBe(1);
		expect(value(shedder.stats(), 'tier_registry_version')).toBe(2);
		expect(value(shedder.stats(), 'tier_members', { tier: 'gold' })).toBe(3);
		registry.replace({ tiers: [], fallback });
		expect(value(shedder.stats(), 'tier_reload_failing')).toBe(0);
	});
});

/** Of shedders in different states. */
async function manyStats(): Promise<Stats[]> {
	const found: Stats[] = [];
	const jumps = defineLadder({ ...spec, gradual: true, recovery: 'step' });
	const bare = driver();
	found.push(bare.shedder.stats());
	for (const options of [
		{ spill: memorySpill() },
		{ spill: memorySpill(), ladder: jumps, priorityOf: () => undefined },
		{ mode: 'observe' as const },
		{ mode: 'off' as const },
	]) {
		const { shedder, at, clock } = driver(options);
		const handle = shedder.wrap(({ n }) => {
			if (n === 3) throw new Error('broken');
		});
		for (const level of ['NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK'] as const) {
			await at(level);
			for (let n = 0; n < 5; n++) await handle({ key: 'x', n, priority: n === 1 ? 'low' : undefined }).catch(() => {});
			await clock.advance(100);
			found.push(shedder.stats());
		}
		await shedder.stop();
	}
	return found;
}
