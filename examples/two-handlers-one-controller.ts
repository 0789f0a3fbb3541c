/**
 * One process is overloaded as a whole, so it has one controller. Each kind of message has a shedder of its own, and both
 * follow the same level.
 *
 *     npx tsx examples/two-handlers-one-controller.ts
 */
import { createController, createLoadShedder, defineLadder, defineTiers } from '../src/index.js';

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal', 'low'] },
	signals: { queueMs: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'BUSY', enterAt: { queueMs: 200 }, shed: { low: 'drop' } },
		{ name: 'OVERLOADED', enterAt: { queueMs: 1_000 }, shed: { normal: 'reject' } },
	],
	cooldownMs: 30_000,
});
let queueMs = 0;
const controller = createController({ ladder, signals: { queueMs: () => queueMs } });

// Orders are told apart by their customer ...
const orders = createLoadShedder({
	controller,
	tiers: defineTiers({
		tiers: [{ name: 'contract', priority: 'critical', keys: ['acme'] }],
		fallback: { name: 'others', priority: 'normal' },
	}),
	keyOf: (order: { customer: string }) => order.customer,
});
// ... and clicks are never more than normal.
const clicks = createLoadShedder({
	controller,
	priorityOf: (click: { paid: boolean }) => (click.paid ? 'normal' : 'low'),
});
const handleOrder = orders.wrap(({ customer }) => console.log(`  order of ${customer} is processed`));
const handleClick = clicks.wrap(({ paid }) => console.log(`  ${paid ? 'paid' : 'free'} click is processed`));

for (queueMs of [50, 300, 2_000]) {
	await controller.check();
	console.log(`\nqueue ${queueMs} ms: ${controller.level}`);
	for (const customer of ['acme', 'initech']) await handleOrder({ customer });
	for (const paid of [true, false]) await handleClick({ paid });
}
console.log('\nprocessed / offered');
for (const [name, shedder] of Object.entries({ orders, clicks })) {
	const { processed, offered, dropped, rejected } = shedder.stats();
	console.log(`  ${name}: ${processed} / ${offered}, ${dropped} dropped, ${rejected} rejected`);
}
await controller.stop();
