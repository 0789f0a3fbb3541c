import { do_not_optimize } from 'mitata';
import { decide, marketDataLadder, marketDataTiers } from '../../src/index.js';
import type { Group } from '../group.js';
import { keyOf, messages, shedderAt } from './workload.js';

/** The least that a decision by key can cost: the same messages, the same tiers, nothing else. */
export function byHand(): () => void {
	const cells = marketDataTiers.names.map((_, tier) =>
		decide(marketDataLadder, 0, (['critical', 'high', 'normal'] as const)[tier] ?? 'low'),
	);
	const fallback = cells.length - 1;
	const tierOf = new Map<string, number>();
	const next = messages();
	for (let i = 0; i < 1024; i++) {
		const key = keyOf(next());
		const tier = marketDataTiers.names.indexOf(marketDataTiers.tierOf(key));
		if (tier !== fallback) tierOf.set(key, tier);
	}
	return () => do_not_optimize(cells[tierOf.get(keyOf(next())) ?? fallback]);
}

export const decision: Group = {
	title: 'A decision',
	about: '`shedder.decide(message)`; the floor is `keyOf`, `Map.get` and an array index',
	async cases() {
		const normal = await shedderAt(0);
		const aggressive = await shedderAt(2_000_000);
		const gradual = await shedderAt(700_000, { gradual: true });
		const [toNormal, toAggressive, toGradual, toNobody] = [messages(), messages(), messages(), messages()];
		const goal = { ratioMax: 2, bytesMax: 0 };
		return [
			{ name: 'by hand', run: byHand(), heap: true },
			{ name: 'at NORMAL', run: () => do_not_optimize(normal.decide(toNormal())), goal, heap: true },
			{ name: 'at AGGRESSIVE', run: () => do_not_optimize(aggressive.decide(toAggressive())), goal, heap: true },
			{ name: 'gradual, half-way', run: () => do_not_optimize(gradual.decide(toGradual())), heap: true },
			{ name: 'no decision, only the next message', run: () => do_not_optimize(toNobody()) },
		];
	},
};
