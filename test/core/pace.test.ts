import { describe, expect, it } from 'vitest';
import { nextPace, noPace, type Pace, type PaceInput } from '../../src/core/pace.js';
import { atLeast, atMost, fc } from '../support/property.js';

const calm: PaceInput = {
	elapsedMs: 500,
	mayRun: true,
	rising: false,
	standingDelay: false,
	fedPerS: Number.NaN,
	sparePerS: 1_000,
};

const paced = (seconds: number, input: Partial<PaceInput> = {}, from: Pace = noPace): Pace =>
	Array.from({ length: seconds * 2 }).reduce<Pace>((pace) => nextPace(pace, { ...calm, ...input }), from);

const inputs = fc.record({
	elapsedMs: fc.constantFrom(1, 100, 500, 5_000),
	mayRun: fc.boolean(),
	rising: fc.boolean(),
	standingDelay: fc.boolean(),
	fedPerS: fc.oneof(fc.constant(Number.NaN), fc.nat(5_000)),
	sparePerS: fc.oneof(fc.constantFrom(Number.NaN, -500, 0, 0.5), fc.nat(5_000)),
	maxPerS: fc.constantFrom(undefined, 0.5, 20),
});

describe('the pace of replay (M3)', () => {
	it('M3: is 0 while replay may not run or the demand rises, at least 1 a second otherwise, and never above maxPerS', () => {
		fc.assert(
			fc.property(fc.array(inputs, { maxLength: 50 }), (given) => {
				let pace = noPace;
				for (const input of given) {
					pace = nextPace(pace, input);
					if (!input.mayRun || input.rising) expect(pace).toEqual(noPace);
					else atLeast(pace.perS, Math.min(1, input.maxPerS ?? 1));
					atMost(pace.perS, input.maxPerS ?? Number.POSITIVE_INFINITY);
					expect(JSON.parse(JSON.stringify(pace))).toEqual(pace);
				}
			}),
		);
	});

	it('M3: starts at a tenth of the spare capacity and reaches it on a ramp', () => {
		expect(paced(0.5).perS).toBeCloseTo(100);
		expect(paced(5).perS).toBeLessThan(1_000);
		expect(paced(15).perS).toBeGreaterThan(1_000);
	});

	it('M3: trusts an estimate as it is until it was put to the test', () => {
		// Fed slowly by handlers that take their time, the pace is far from its limit for minutes.
		expect(paced(300, { fedPerS: 50 })).toMatchObject({ perS: 100, trust: 1 });
		expect(paced(60).trust).toBeGreaterThan(2);
	});

	it('M3: an estimate of no spare capacity that nothing contradicts does not stop replay for ever', () => {
		expect(paced(1, { sparePerS: -300 }).perS).toBeLessThan(2);
		expect(paced(300, { sparePerS: -300 }).perS).toBeGreaterThan(100);
	});

	it('M3: near the pace at which messages began to wait it is felt for slowly, then boldly', () => {
		const fast = paced(20, { sparePerS: Number.NaN });
		const cut = nextPace(fast, { ...calm, sparePerS: Number.NaN, standingDelay: true });
		expect(cut.ceilingPerS).toBeCloseTo(0.9 * fast.perS);
		const afterSeconds = (seconds: number) => paced(seconds, { sparePerS: Number.NaN }, cut).perS;
		// Rest, the fast way back, and then no more than 2 % a second for a while.
		expect(afterSeconds(8) / fast.perS).toBeCloseTo(0.9, 1);
		expect(afterSeconds(14)).toBeLessThan(1.1 * fast.perS);
		expect(afterSeconds(60)).toBeGreaterThan(5 * fast.perS);
	});

	it('M3: a delay that was there when replay began does not keep it slow afterwards', () => {
		const felt = { sparePerS: Number.NaN };
		const waiting = paced(20, { ...felt, standingDelay: true });
		expect(waiting).toMatchObject({ ceilingPerS: null });
		expect(waiting.perS).toBeLessThanOrEqual(10);
		expect(paced(20, felt, waiting).perS).toBeGreaterThan(500);
	});

	it('M3: a delay that comes much earlier brings that pace down by half at most', () => {
		const ceiling = { ...paced(20, { sparePerS: Number.NaN }), ceilingPerS: 1_000, perS: 10 };
		const cut = nextPace(ceiling, { ...calm, sparePerS: Number.NaN, standingDelay: true });
		expect(cut.ceilingPerS).toBe(500);
	});

	it('M3: at a standing delay it halves once, rests for 5 s, and trusts the estimate as it is again', () => {
		const fast = paced(60);
		const cut = nextPace(fast, { ...calm, standingDelay: true });
		expect(cut.perS).toBeLessThanOrEqual(fast.perS / 2);
		expect(cut.trust).toBe(1);
		expect(paced(4, { standingDelay: true }, cut).perS).toBe(cut.perS);
		expect(paced(6, {}, cut).perS).toBeGreaterThan(cut.perS);
	});
});
