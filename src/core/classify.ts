import { show, verify } from './errors.js';
import { compiledTiers, defineTiers, type Tiers } from './tiers.js';

/** What a classification did (rule T3). */
export interface TierReport {
	/** One row a tier, most important first, the fallback last. */
	readonly tiers: readonly {
		readonly name: string;
		/** How many keys of the table. */
		readonly keys: number;
		/** Their volume, in the unit of the table. */
		readonly volume: number;
		/** Their share of the whole volume, 0..1; 0 when there is no volume at all. */
		readonly coverage: number;
	}[];
	/** The keys of the table and of the previous tiers whose tier has changed, in code-unit order. */
	readonly moved: readonly { readonly key: string; readonly from: string; readonly to: string }[];
}

/**
 * Builds tiers from a volume table: the top 20, the top 100, the rest (rule T3). Pure: same table in any order, same tiers.
 *
 * @param volumes finite and >= 0, in any unit. The volumes of a repeated key are added up; equal volumes rank by key in
 * code-unit order.
 * @param cuts most important first. `top` is cumulative and strictly increasing: 20, then 100 for the next 80.
 * @param fallback the tier of the rest, and of every key that is not in the table.
 * @param previous what {@link TierReport.moved} compares with; without it nothing has moved.
 * @throws ConfigError with every wrong volume (with its key) and cut, or with every problem of the tiers' names.
 */
export function classifyByVolume<const P extends string>(
	volumes: Iterable<readonly [key: string, volume: number]>,
	cuts: readonly { readonly name: string; readonly priority: P; readonly top: number }[],
	fallback: { readonly name: string; readonly priority: P },
	previous?: Tiers,
): { readonly tiers: Tiers<P>; readonly report: TierReport } {
	const volumeOf = new Map<string, number>();
	verify('classification', (must) => {
		for (const [key, volume] of volumes) {
			const sum = (volumeOf.get(key) ?? 0) + volume;
			const ok = volume >= 0 && Number.isFinite(sum);
			must(ok, `volume of ${show(key)}`, volume, 'finite and at least 0');
			if (ok) volumeOf.set(key, sum);
		}
		cuts.forEach(({ top }, i) => {
			const above = cuts[i - 1]?.top ?? 0;
			must(Number.isInteger(top) && top > above, `cuts[${i}].top`, top, `a whole number above ${above}`);
		});
	});

	const ranked = [...volumeOf].sort(([a, volumeA], [b, volumeB]) => volumeB - volumeA || (a < b ? -1 : 1));
	const groups = [...cuts, fallback].map(({ name }, i) => {
		const members = ranked.slice(cuts[i - 1]?.top ?? 0, cuts[i]?.top);
		return { name, keys: members.map(([key]) => key), volume: members.reduce((sum, [, volume]) => sum + volume, 0) };
	});
	const total = groups.reduce((sum, { volume }) => sum + volume, 0);
	const tiers = defineTiers({
		tiers: cuts.map(({ name, priority }, i) => ({ name, priority, keys: groups[i]?.keys ?? [] })),
		fallback,
	});
	const moved = !previous
		? []
		: [...new Set([...volumeOf.keys(), ...compiledTiers(previous).indexOf.keys()])]
				.sort()
				.map((key) => ({ key, from: previous.tierOf(key), to: tiers.tierOf(key) }))
				.filter(({ from, to }) => from !== to);
	return {
		tiers,
		report: {
			tiers: groups.map(({ name, keys, volume }) => ({
				name,
				keys: keys.length,
				volume,
				coverage: total && volume / total,
			})),
			moved,
		},
	};
}
