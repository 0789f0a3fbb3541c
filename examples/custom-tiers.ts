/**
 * Tiers of your own: the tenants of a platform, replaced while it runs.
 *
 *     npx tsx examples/custom-tiers.ts
 */
import { classifyByVolume, createTierRegistry, decide, defineLadder, defineTiers } from '../src/index.js';

const ladder = defineLadder({
	priorities: { protected: 'contract', sheddable: ['paid', 'free'] },
	signals: { queueMs: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'BUSY', enterAt: { queueMs: 200 }, shed: { free: 'reject' } },
		{ name: 'OVERLOADED', enterAt: { queueMs: 1_000 }, shed: { paid: 'spill' } },
	],
	cooldownMs: 30_000,
});

// Most important first. Whoever is not listed is in the fallback; `acme` is listed twice and gets the better tier.
const registry = createTierRegistry(
	defineTiers({
		tiers: [
			{ name: 'enterprise', priority: 'contract', keys: ['acme', 'globex'] },
			{ name: 'business', priority: 'paid', keys: ['initech', 'acme'] },
		],
		fallback: { name: 'trial', priority: 'free' },
	}),
);

function print(title: string): void {
	const { current, version } = registry;
	console.log(`\n${title} (version ${version})`);
	console.log(['tenant', 'tier', 'priority', ...ladder.levels].map(cell).join(''));
	for (const tenant of ['acme', 'globex', 'initech', 'hooli']) {
		const priority = current.priorityOf(tenant);
		const actions = ladder.levels.map((_, level) => decide(ladder, level, priority).action);
		console.log([tenant, current.tierOf(tenant), priority, ...actions].map(cell).join(''));
	}
}
const cell = (text: string) => text.padEnd(12);

print('What happens to whom at which level');

// A new list while messages flow: checked, then swapped as a whole. The next decision sees it.
registry.subscribe((tiers, version) => console.log(`\n-> version ${version} is in force: ${tiers.names.join(', ')}`));
registry.replace({
	tiers: [
		{ name: 'enterprise', priority: 'contract', keys: ['globex', 'hooli'] },
		{ name: 'business', priority: 'paid', keys: ['initech', 'acme'] },
	],
	fallback: { name: 'trial', priority: 'free' },
});
print('hooli has signed, acme has left the contract');

// A wrong list changes nothing and says everything that is wrong with it. `keys` must be a list, not a string.
try {
	registry.replace({ tiers: [{ name: 'enterprise', priority: 'contract', keys: 'hooli' }], fallback: {} });
} catch (error) {
	console.log(`\n-> version ${registry.version} stays: ${error instanceof Error ? error.message : error}`);
}

// Or let the figures decide: the busiest tenant, the next two, the rest, and who moved because of it.
const requestsToday = Object.entries({ acme: 9_000, globex: 70_000, initech: 1_500, hooli: 20_000, pied: 40 });
const { tiers, report } = classifyByVolume(
	requestsToday,
	[
		{ name: 'enterprise', priority: 'contract', top: 1 },
		{ name: 'business', priority: 'paid', top: 3 },
	],
	{ name: 'trial', priority: 'free' },
	registry.current,
);
registry.replace(tiers);
for (const { name, keys, coverage } of report.tiers) {
	console.log(`   ${name.padEnd(12)}${keys} tenants, ${(coverage * 100).toFixed(1)} % of the requests`);
}
for (const { key, from, to } of report.moved) console.log(`   ${key} moves from ${from} to ${to}`);
print('Tiers by volume');
