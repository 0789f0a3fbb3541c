import { describe, expect, it } from 'vitest';
import { defineLadder, type LadderSpec } from '../../src/index.js';
import { type ServiceModel, type Simulation, simulateService, type Trace } from '../../src/simulate/index.js';
import { atMost, fc, runs, same } from '../support/property.js';

const spec = {
	priorities: { protected: 'critical', sheddable: ['normal', 'low'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'LEAN', enterAt: { lag: 500 }, disable: ['enrichment'] },
		{ name: 'ESSENTIAL', enterAt: { lag: 2_000 }, shed: { normal: 'spill', low: 'drop' } },
	],
	cooldownMs: 10_000,
	gradual: true,
} satisfies LadderSpec<string, 'lag', string, string, string>;
const ladder = defineLadder(spec);
/** One that never leaves its first level. */
const idle = defineLadder({
	...spec,
	levels: [{ name: 'NORMAL' }, { name: 'LEAN', enterAt: { lag: 1e12 }, disable: ['enrichment'] }],
});

/** A point each 10 s. */
function rate(values: readonly number[], more: Record<string, readonly number[]> = {}): Trace {
	return { timesMs: values.map((_, i) => i * 10_000), series: { rate: values, ...more } };
}
const flat = (count: number, value: number) => new Array<number>(count).fill(value);
const total = ({ messages }: Simulation, key: keyof Omit<Simulation['messages'][number], 'priority'>) =>
	messages.reduce((sum, row) => sum + row[key], 0);

describe('simulateService', () => {
	it('loses no message: offered = handled + waiting, and spilled = replayed + still spilled', () => {
		const loads = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 2, maxLength: 20 });
		const model = fc.record({
			intake: fc.constantFrom('pull', 'push') satisfies fc.Arbitrary<ServiceModel['intake']>,
			spillMax: fc.constantFrom(100, 5_000, Number.POSITIVE_INFINITY),
			skipToLiveMs: fc.constantFrom(undefined, 1_000),
			gradual: fc.boolean(),
			pauses: fc.boolean(),
			seed: fc.nat(),
		});
		fc.assert(
			fc.property(loads, model, (values, { intake, spillMax, skipToLiveMs, gradual, pauses, seed }) => {
				const pausing = { name: 'PAUSE', enterAt: { lag: 6_000 }, intake: 'paused' } as const;
				const one = defineLadder({
					...spec,
					gradual,
					levels: [...spec.levels, ...(pauses ? [pausing] : [])],
					probe: { afterMs: 5_000, forMs: 2_000 },
				});
				const service = { capacityPerS: 500, intake, spillMax, skipToLiveMs };
				const result = simulateService(one, rate(values), service, { seed });
				for (const row of result.messages) {
					same(row.offered, row.full + row.lean + row.spilled + row.rejected + row.dropped + row.waiting);
					atMost(row.late, row.full + row.lean + row.waiting);
				}
				const { spilledAtEnd = 0, spillPeak = 0 } = result.service ?? {};
				same(total(result, 'spilled'), total(result, 'replayed') + spilledAtEnd);
				atMost(spillPeak, spillMax);
				same(result.protectedShed, 0);
				atMost(result.protectedLate, 1);
				// Whatever is paused and replayed, nobody works more than all of the time; the last message may end after it.
				const costs = { full: 1, lean: 0.5, replayed: 0.5, spilled: 0.1, dropped: 0.02 } as const;
				const worked = Object.entries(costs).reduce((sum, [key, cost]) => sum + cost * total(result, key as 'full'), 0);
				atMost(worked, 500 * 10 * (values.length - 1) + 1);
				same(
					Object.values(result.timeInLevelMs).reduce((sum, ms) => sum + ms, 0),
					(values.length - 1) * 10_000,
				);
			}),
			runs(0.2),
		);
	});

	it('is the same each time, and another with another seed', () => {
		const trace = rate([...flat(10, 300), ...flat(20, 1_500), ...flat(30, 200)]);
		const run = (seed: number) => simulateService(ladder, trace, { capacityPerS: 500 }, { seed });
		expect(run(7)).toEqual(run(7));
		expect(run(8).messages).not.toEqual(run(7).messages);
	});

	it('keeps up with half of its capacity: all features on, nothing late, half busy', () => {
		const result = simulateService(ladder, rate(flat(61, 250)), { capacityPerS: 500 });
		expect(result.transitions).toEqual([]);
		expect([total(result, 'full'), total(result, 'late')]).toEqual([total(result, 'offered'), 0]);
		expect(total(result, 'offered')).toBe(250 * 600);
		expect(result.service?.utilisation).toBeCloseTo(0.5, 2);
		expect(result.service?.lagPeak).toBeLessThan(10);
	});

	it('falls behind by what it cannot do, when nothing is given up', () => {
		const { service, protectedLate } = simulateService(idle, rate(flat(61, 800)), { capacityPerS: 500, sloMs: 60_000 });
		expect(service?.waitingAtEnd).toBeCloseTo(300 * 600, -3);
		expect(service?.utilisation).toBeCloseTo(1, 3);
		// What is handled last has waited since 5/8 of the time.
		expect(service?.ageMsPeak).toBeGreaterThan(220_000);
		expect(service?.ageMsPeak).toBeLessThan(226_000);
		// The lateness grows by 3/8 of a second a second, so it reaches a minute after 160 s. At the end 180 000 wait, and
		// those of the last minute are not late yet.
		const [handledLate, waitingLate] = [500 * 440, 180_000 - 800 * 60];
		expect(protectedLate).toBeCloseTo((handledLate + waitingLate) / (500 * 600 + waitingLate), 2);
	});

	it('gives up, keeps what is protected in time, and drains what it has spilled', () => {
		const trace = rate([...flat(12, 200), ...flat(30, 1_800), ...flat(120, 200)]);
		const result = simulateService(ladder, trace, { capacityPerS: 500, shares: { critical: 0.2, normal: 0.6 } });
		expect(result.protectedLate).toBe(0);
		expect(result.endLevel).toBe('NORMAL');
		expect(result.flaps).toBe(0);
		expect(result.service?.spillPeak).toBeGreaterThan(10_000);
		expect(result.service?.drainedAtMs).toBeGreaterThan(420_000);
		expect(total(result, 'replayed')).toBe(total(result, 'spilled'));
		const [critical, normal, low] = result.messages;
		expect([critical?.dropped, critical?.spilled, normal?.dropped, low?.spilled]).toEqual([0, 0, 0, 0]);
		expect(low?.dropped).toBeGreaterThan(0);
	});

	it('is late without a ladder that would have kept the promise', () => {
		const trace = rate([...flat(12, 200), ...flat(30, 1_800), ...flat(120, 200)]);
		expect(simulateService(idle, trace, { capacityPerS: 500 }).protectedLate).toBeGreaterThan(0.5);
	});

	// docs/choosing-thresholds.md measures the same with a real shedder: 87, 17 and 1 transitions, 67 % enriched.
	it('agrees with the shedder on a constant overload', () => {
		const two = {
			...spec,
			priorities: { protected: 'critical', sheddable: ['normal'] },
			levels: [
				{ name: 'NORMAL' },
				{ name: 'LEAN', enterAt: { lag: 1_000 }, disable: ['enrichment'] },
				{ name: 'ESSENTIAL', enterAt: { lag: 5_000 }, shed: { normal: 'spill' } },
			],
			cooldownMs: 30_000,
		} satisfies LadderSpec<string, 'lag', string, string, string>;
		const run = (options: { readonly gradual?: boolean; readonly backoff?: false }) =>
			simulateService(defineLadder({ ...two, ...options }), rate(flat(181, 600)), {
				capacityPerS: 500,
				shares: { critical: 0.02 },
			});
		const bare = run({ gradual: false, backoff: false });
		expect(bare.transitions.length).toBeGreaterThan(80);
		expect(bare.transitions.length).toBeLessThan(95);
		const byDefault = run({ gradual: false });
		expect(byDefault.transitions.length).toBeGreaterThan(12);
		expect(byDefault.transitions.length).toBeLessThan(20);
		const gradual = run({});
		expect(gradual.transitions.length).toBe(1);
		expect(total(gradual, 'full') / total(gradual, 'offered')).toBeCloseTo(0.67, 1);
		expect(gradual.protectedLate).toBe(0);
	});

	it('multiplies the capacity by the series of that name', () => {
		const slow = flat(61, 0.5);
		const { service } = simulateService(idle, rate(flat(61, 400), { capacity: slow }), { capacityPerS: 500 });
		expect(service?.waitingAtEnd).toBeCloseTo(150 * 600, -3);
	});

	it('takes signals that it does not model from the trace, and models the heap when told how', () => {
		const hot = defineLadder({
			...spec,
			signals: { cpu: { recoverBelow: 0.9 }, heap: { recoverBelow: 0.9 } },
			levels: [{ name: 'NORMAL' }, { name: 'LEAN', enterAt: { cpu: 0.8, heap: 0.7 }, disable: ['enrichment'] }],
		});
		const trace = rate(flat(13, 100), { cpu: [...flat(6, 0.1), ...flat(7, 0.9)] });
		const byCpu = simulateService(hot, trace, { capacityPerS: 500, heap: { base: 0.3, perMessage: 0 } });
		expect(byCpu.transitions.map(({ to, causes }) => [to, causes[0]?.signal])).toEqual([['LEAN', 'cpu']]);
		const byHeap = simulateService(hot, rate(flat(13, 1_000), { cpu: flat(13, 0) }), {
			...{ capacityPerS: 500, intake: 'push' },
			heap: { base: 0.3, perMessage: 0.0001 },
		} as const);
		expect(byHeap.transitions.map(({ to, causes }) => [to, causes[0]?.signal])).toEqual([['LEAN', 'heap']]);
	});

	it('does not do after a pause what it could have done in its time', () => {
		const pausing = defineLadder({
			...spec,
			signals: { cpu: { recoverBelow: 0.9 } },
			levels: [{ name: 'NORMAL' }, { name: 'PAUSE', enterAt: { cpu: 0.9 }, intake: 'paused', cooldownMs: 0 }],
		});
		// Paused for 70 s of 100; then, for 20 s, half of the capacity is left to work off 17 500 messages.
		const cpu = [0, ...flat(7, 1), 0, 0, 0];
		const trace = rate(flat(11, 250), { cpu });
		for (const intake of ['pull', 'push'] as const) {
			const { pausedMs, service } = simulateService(pausing, trace, { capacityPerS: 500, intake }, { between: 'hold' });
			expect(pausedMs).toBe(70_000);
			expect(service?.waitingAtEnd).toBeGreaterThan(11_500);
			expect(service?.waitingAtEnd).toBeLessThan(13_000);
		}
	});

	it.each(['pull', 'push'] as const)(
		'counts who still waits at the end of a %s as late, once the SLO is over',
		(intake) => {
			const pausing = defineLadder({
				...spec,
				signals: { cpu: { recoverBelow: 0.9 } },
				levels: [{ name: 'NORMAL' }, { name: 'PAUSE', enterAt: { cpu: 0.9 }, intake: 'paused' }],
			});
			const trace = rate(flat(11, 200), { cpu: flat(11, 1) });
			const run = (sloMs: number) => simulateService(pausing, trace, { capacityPerS: 500, intake, sloMs });
			const { protectedLate, service, messages } = run(30_000);
			expect(protectedLate).toBe(1);
			expect(service?.ageMsPeak).toBeGreaterThan(99_900);
			expect(messages.reduce((sum, { late }) => sum + late, 0)).toBe(200 * 70);
			const patient = run(100_000);
			expect([patient.protectedLate, total(patient, 'late')]).toEqual([0, 0]);
		},
	);

	it('tells when the heap would have killed the process', () => {
		const { service, notes } = simulateService(idle, rate(flat(61, 800)), {
			...{ capacityPerS: 500, intake: 'push' },
			heap: { base: 0.5, perMessage: 1e-5 },
		} as const);
		// 50 000 messages wait after 167 s.
		expect(service?.outOfMemoryAtMs).toBeGreaterThan(165_000);
		expect(service?.outOfMemoryAtMs).toBeLessThan(169_000);
		expect(notes).toContain('The heap reached 1: a real process would have died. The run went on.');
	});

	it('lets one simulated message stand for many, and says so when that is too coarse', () => {
		const { service, notes } = simulateService(idle, rate(flat(11, 1e6)), { capacityPerS: 2e6 });
		expect(service?.messagesEach).toBeGreaterThan(30);
		expect(notes.join()).not.toContain('too coarse');
		const { notes: coarse } = simulateService(idle, rate(flat(11, 1e6)), { capacityPerS: 50 });
		expect(coarse.join()).toContain('too coarse for an SLO of 10 s');
	});

	it.each([
		[{ capacityPerS: 0 }, {}, 'capacityPerS: 0 must be a finite number above 0'],
		[{ capacityPerS: 1, costs: { lean: 0 } }, {}, 'costs.lean: 0 must be a finite number above 0'],
		[{ capacityPerS: 1, keys: 0 }, {}, 'keys: 0 must be a whole number of at least 1'],
		[{ capacityPerS: 1, heap: { base: 1, perMessage: 0 } }, {}, 'heap.base: 1 must be from 0 to below 1'],
		[{ capacityPerS: 1 }, { checkEveryMs: 1 }, 'checkEveryMs: 1 must be from 10 to 60 000'],
		[{ capacityPerS: 1 }, { rate: 'load' }, 'rate: "load" must be a series of the trace (rate), messages per second'],
		[{ capacityPerS: 1 }, { capacity: 'speed' }, 'capacity: "speed" must be a series of the trace (rate)'],
		[{ capacityPerS: 1, shares: { critical: 2 } }, {}, 'share.critical: 2 must be from 0 to 1'],
	])('refuses %j with %j', (service, options, message) =>
		expect(() => simulateService(ladder, rate([1, 1]), service, options)).toThrow(message),
	);

	it('refuses a recording that would be replayed for ever, and a rate that is a column of text', () => {
		const trace = { timesMs: [0, 10_000, 1e15], series: { rate: [1, 1, 1] } };
		expect(() => simulateService(ladder, trace, { capacityPerS: 1 })).toThrow(
			'Its longest gap is 278000000 h, between the points 2 and 3: is a time wrong there?',
		);
		const text = { rate: 'line 2: rate "1,000" must be a number' };
		expect(() => simulateService(ladder, { timesMs: [0, 1000], series: {}, text }, { capacityPerS: 1 })).toThrow(
			'invalid trace (1 problem):\nline 2: rate "1,000" must be a number',
		);
	});
});
