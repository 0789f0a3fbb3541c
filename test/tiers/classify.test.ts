import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyByVolume } from '../../src/core/classify.js';
import { defineTiers } from '../../src/core/tiers.js';
import { keyArbitrary, specArbitrary } from './arbitraries.js';

const cut = (name: string, top: number) => ({ name, priority: name, top });
const rest = { name: 'rest', priority: 'rest' };

/** With the tier names that the property below gives, so that some keys stay where they were. */
const renamed = (spec: typeof specArbitrary extends fc.Arbitrary<infer S> ? S : never) => ({
	tiers: spec.tiers.map((tier, i) => ({ ...tier, name: `t${i}` })),
	fallback: { ...spec.fallback, name: 'rest' },
});

describe('classifyByVolume', () => {
	const table = [
		['REA', 30],
		['BHP', 500],
		['XYZ', 0],
		['CBA', 300],
		['TLS', 30],
		['BHP', 140],
	] as const;

	it('cuts the table at cumulative ranks and reports keys, volume and coverage of each tier', () => {
		const { tiers, report } = classifyByVolume(table, [cut('top', 1), cut('middle', 3)], rest);
		expect(['BHP', 'CBA', 'REA', 'TLS', 'XYZ', 'new'].map((key) => tiers.tierOf(key))).toEqual([
			'top',
			'middle',
			'middle',
			'rest',
			'rest',
			'rest',
		]);
		expect(report).toEqual({
			tiers: [
				{ name: 'top', keys: 1, volume: 640, coverage: 0.64 },
				{ name: 'middle', keys: 2, volume: 330, coverage: 0.33 },
				{ name: 'rest', keys: 2, volume: 30, coverage: 0.03 },
			],
			moved: [],
		});
	});

	it('adds up the volumes of a repeated key', () => {
		const { tiers } = classifyByVolume(
			[
				['A', 2],
				['B', 3],
				['A', 2],
			],
			[cut('top', 1)],
			rest,
		);
		expect(tiers.tierOf('A')).toBe('top');
	});

	it('ranks equal volumes by key, upper case first', () => {
		const { tiers } = classifyByVolume(
			[
				['b', 1],
				['a', 1],
				['B', 1],
			],
			[cut('top', 2)],
			rest,
		);
		expect(['B', 'a', 'b'].map((key) => tiers.tierOf(key))).toEqual(['top', 'top', 'rest']);
	});

	it('leaves tiers empty when there are fewer keys than ranks', () => {
		const { report } = classifyByVolume([['A', 5]], [cut('top', 3), cut('middle', 9)], rest);
		expect(report.tiers.map(({ keys, coverage }) => [keys, coverage])).toEqual([
			[1, 1],
			[0, 0],
			[0, 0],
		]);
	});

	it('reports a coverage of 0 when there is no volume at all', () => {
		for (const empty of [[], [['A', 0]] as const]) {
			const { report } = classifyByVolume(empty, [cut('top', 1)], rest);
			expect(report.tiers.map(({ coverage }) => coverage)).toEqual([0, 0]);
		}
	});

	it('tells which keys have moved, those that left the table and those that entered it included', () => {
		const previous = defineTiers({
			tiers: [
				{ name: 'top', priority: 'top', keys: ['CBA', 'GONE'] },
				{ name: 'middle', priority: 'middle', keys: ['BHP', 'REA'] },
			],
			fallback: rest,
		});
		const { report } = classifyByVolume(table, [cut('top', 1), cut('middle', 3)], rest, previous);
		expect(report.moved).toEqual([
			{ key: 'BHP', from: 'middle', to: 'top' },
			{ key: 'CBA', from: 'top', to: 'middle' },
			{ key: 'GONE', from: 'top', to: 'rest' },
		]);
	});

	it('names every wrong volume with its key, and every wrong cut', () => {
		const volumes = [
			['A', 1],
			['B', Number.NaN],
			['C', -1],
			['D', Number.POSITIVE_INFINITY],
			['A', Number.NaN],
			['A', 2],
		] as const;
		expect(() => classifyByVolume(volumes, [cut('a', 0), cut('b', 2.5), cut('c', 2)], rest)).toThrow(
			[
				'invalid classification (7 problems):',
				'volume of "B": NaN must be finite and at least 0',
				'volume of "C": -1 must be finite and at least 0',
				'volume of "D": Infinity must be finite and at least 0',
				'volume of "A": NaN must be finite and at least 0',
				'cuts[0].top: 0 must be a whole number above 0',
				'cuts[1].top: 2.5 must be a whole number above 0',
				'cuts[2].top: 2 must be a whole number above 2.5',
			].join('\n'),
		);
	});

	it('refuses a volume that is text, as a file would have it', () => {
		const volumes = [['A', '5']] as unknown as [string, number][];
		expect(() => classifyByVolume(volumes, [], rest)).toThrow('volume of "A": "5" must be finite and at least 0');
	});

	it('refuses tiers of one name', () => {
		expect(() => classifyByVolume([], [cut('rest', 1)], rest)).toThrow('fallback.name: "rest" must be a unique');
	});

	it('T3: the tiers are the ranks between the cuts, whatever the order of the table', () => {
		const volume = fc.oneof(fc.nat(3), fc.double({ min: 0, max: 1e12, noNaN: true }));
		fc.assert(
			fc.property(
				fc
					.array(fc.tuple(fc.oneof(keyArbitrary, fc.string({ maxLength: 3 })), volume), { maxLength: 40 })
					.chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }))),
				fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
				fc.option(specArbitrary.map(renamed), { nil: undefined }),
				([rows, shuffled], tops, old) => {
					// Whole volumes, so that a sum does not depend on the order of its terms.
					const whole = (table: [string, number][]) =>
						table.map(([key, value]): [string, number] => [key, Math.floor(value)]);
					const cuts = tops.sort((a, b) => a - b).map((top, i) => cut(`t${i}`, top));
					const previous = old && defineTiers(old);
					const { tiers, report } = classifyByVolume(whole(rows), cuts, rest, previous);
					const keys = [...new Set(rows.map(([key]) => key))];
					const volumeOf = (key: string) =>
						whole(rows).reduce((sum, [other, value]) => sum + (other === key ? value : 0), 0);
					const rank = (key: string) => tiers.names.indexOf(tiers.tierOf(key));

					for (const a of keys) {
						// The rank of a key, counted without sorting.
						const before = keys.filter(
							(b) => volumeOf(b) > volumeOf(a) || (volumeOf(b) === volumeOf(a) && b < a),
						).length;
						const expected = cuts.findIndex(({ top }) => before < top);
						expect(rank(a)).toBe(expected < 0 ? cuts.length : expected);
					}
					report.tiers.forEach(({ name, keys: count, volume: sum, coverage }, i) => {
						const members = keys.filter((key) => rank(key) === i);
						expect([name, count]).toEqual([tiers.names[i], members.length]);
						expect(sum).toBe(members.reduce((total, key) => total + volumeOf(key), 0));
						expect(coverage).toBeGreaterThanOrEqual(0);
						expect(coverage).toBeLessThanOrEqual(1);
					});
					const covered = report.tiers.reduce((sum, { coverage }) => sum + coverage, 0);
					expect(covered).toBeCloseTo(keys.some((key) => volumeOf(key) > 0) ? 1 : 0, 9);

					const moved = new Map(report.moved.map((move) => [move.key, move]));
					expect([...moved.keys()]).toEqual([...moved.keys()].sort());
					expect(report.moved).toHaveLength(moved.size);
					for (const key of new Set([...keys, ...(old?.tiers.flatMap((tier) => tier.keys) ?? [])])) {
						const from = previous?.tierOf(key) ?? tiers.tierOf(key);
						const to = tiers.tierOf(key);
						expect(moved.get(key)).toEqual(from === to ? undefined : { key, from, to });
						moved.delete(key);
					}
					expect(moved.size).toBe(0);

					expect(classifyByVolume(whole(shuffled), cuts, rest, previous).report).toEqual(report);
				},
			),
		);
	});
});
