import { verify } from '../core/errors.js';
import type { Ladder } from '../core/ladder.js';

/** Share of each priority in the load, by the ladder's order, adding up to 1. Equal ones when nothing is given. */
export function sharesOf(ladder: Ladder, shares: { readonly [priority: string]: number } | undefined): number[] {
	const { priorities } = ladder;
	if (shares === undefined) return priorities.map(() => 1 / priorities.length);
	return verify('shares', (must) => {
		let sum = 0;
		for (const [name, share] of Object.entries(shares)) {
			must(priorities.includes(name), `share.${name}`, name, `a priority of the ladder (${priorities.join(', ')})`);
			must(share >= 0 && share <= 1, `share.${name}`, share, 'from 0 to 1');
			sum += share;
		}
		const complete = priorities.every((name) => shares[name] !== undefined);
		// What is not named shares the rest.
		const rest = Math.max(0, 1 - sum);
		must(
			complete ? Math.abs(sum - 1) < 1e-6 : sum <= 1 + 1e-6,
			'shares',
			Number(sum.toFixed(6)),
			complete ? '1 in sum' : 'at most 1 in sum',
		);
		const unnamed = priorities.filter((name) => shares[name] === undefined).length;
		return priorities.map((name) => shares[name] ?? rest / unnamed);
	});
}
