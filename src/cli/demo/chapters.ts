import type { Message } from './feed.js';
import { compact, seconds } from './format.js';
import { PACKET_SIZE } from './market.js';
import { sixLevels, type World } from './world.js';

/** What a chapter can do. */
export interface Director extends World {
	/** The narrator speaks. */
	tell(text: string): Promise<void>;
	/** Asks `explain` about a message, and shows the answer. */
	explain(message: Message): void;
	/** Shows the whole moment where there is no panel that always does. */
	look(): void;
	/** Time passes. */
	forS(seconds: number): Promise<void>;
	/** Time passes until something is the case. @throws Error when it is not within `limitS`. */
	until(what: string, fact: () => boolean, limitS?: number): Promise<void>;
}

interface Chapter {
	readonly title: string;
	play(director: Director): Promise<void>;
}

const CALM_PER_S = 30_000;
const BURST_PER_S = 275_000;
const CRASH_PER_S = 700_000;

export const chapters: readonly Chapter[] = [
	{
		title: 'A calm day',
		async play({ market, shedder, tell, forS }) {
			market.setArrivals(CALM_PER_S, 0);
			shedder.start();
			await tell(
				'A feed of market data and one consumer, which handles 100K messages a second, or 200K without the extra ' +
					'features. 30K arrive. Feed, queue, memory and clock are simulated; every decision is made by the library.',
			);
			await forS(12);
		},
	},
	{
		title: 'The market opens',
		async play({ market, shedder, tell, explain, until, forS, look }) {
			await tell(
				'275K messages a second arrive, more than can be handled, and the lag passes one threshold after the other. ' +
					'Each level gives up a little more: features, then reference data, then all but the top symbols.',
			);
			market.setArrivals(BURST_PER_S, 8_000);
			await until('AGGRESSIVE is reached', () => shedder.level === 'AGGRESSIVE');
			await tell('Now only what is protected is processed live. What is spilled is kept, and comes back later.');
			explain({ symbol: 'BHP', kind: 'trade' });
			explain({ symbol: 'REA', kind: 'trade' });
			explain({ symbol: 'BHP', kind: 'reference' });
			await forS(8);
			look();
		},
	},
	{
		title: 'The flash crash',
		async play({ market, shedder, tell, until }) {
			await tell('700K messages a second are too much even so. The last resort is to stop the intake.');
			market.setArrivals(CRASH_PER_S, 2_000);
			await until('the intake is closed', () => !shedder.accepting);
			market.setArrivals(60_000, 5_000);
			await tell(
				'The consumer fetches nothing and uses its time to replay the spill. But the lag of a queue that nobody takes ' +
					'from can only grow; to wait for it to fall would be to wait for ever. So after 30 s the ladder takes a look.',
			);
			await until('the probe opens the intake', () => shedder.accepting);
			await tell(
				'The probe: the intake is open for 5 s, under the rules of the level below. If the lag falls it stays open, ' +
					'else it closes again, for twice as long.',
			);
			await until('the lag has fallen', () => shedder.stats().cooldownRemainingMs > 0);
		},
	},
	{
		title: 'The cooldown',
		async play({ market, shedder, tell, until }) {
			market.setArrivals(CALM_PER_S, 2_000);
			await tell(
				'The lag is below the release threshold of CIRCUIT_BREAK. That alone is not enough: a level is left when it has ' +
					'been calm for 30 s without a break.',
			);
			await until('CIRCUIT_BREAK is left', () => shedder.level === 'AGGRESSIVE', 90);
		},
	},
	{
		title: 'A refused flap',
		async play({ market, shedder, tell, until }) {
			const changes = () => shedder.stats().history.length;
			const cooldown = () => shedder.stats().cooldownRemainingMs;
			const [changesBefore, leftMs] = [changes(), cooldown()];
			await tell(`AGGRESSIVE has ${seconds(leftMs)} of its cooldown left. And then the load comes back.`);
			market.setArrivals(CRASH_PER_S, 500);
			await until('the lag is above the release threshold', () => market.lag() > 550_000);
			market.setArrivals(CALM_PER_S, 500);
			await until('the lag is calm again', () => cooldown() > 0);
			await until('the flap is refused', () => changes() === changesBefore && cooldown() > leftMs, 0);
			await tell(
				`No recovery: the cooldown began anew at ${seconds(cooldown())}, and the level did not change. Without ` +
					'hysteresis the ladder would have gone down to NORMAL and straight up again.',
			);
		},
	},
	{
		title: 'Recovery',
		async play({ shedder, tell, until }) {
			await tell('This time it stays calm. Each level is left as soon as it has been calm for its 30 s.');
			await until('NORMAL is reached', () => shedder.level === 'NORMAL', 120);
		},
	},
	{
		title: 'The replay',
		async play({ shedder, tell, until, forS }) {
			const waiting = compact(shedder.stats().waiting * PACKET_SIZE);
			await tell(
				`${waiting} messages are in the spill. They are fed back in order, as fast as the live load leaves room.`,
			);
			await until('the spill is empty', () => shedder.stats().waiting === 0, 300);
			// Sooner the next overload would count as a flap.
			await forS(30);
		},
	},
	{
		title: 'Memory alone',
		async play({ market, shedder, tell, until, forS }) {
			await tell('Somebody runs a report that holds on to memory. The lag is low, but any one signal is enough.');
			market.setHeap(0.91, 15_000);
			await until('AGGRESSIVE is reached', () => shedder.level === 'AGGRESSIVE');
			await forS(3);
		},
	},
	{
		title: 'New tiers, no restart',
		async play({ market, registry, shedder, tell, explain, forS, until }) {
			await tell('Suddenly everybody trades ZIP, a symbol of tier 3.');
			explain({ symbol: 'ZIP', kind: 'trade' });
			registry.replace({
				tiers: [
					{ name: 'tier1', priority: 'critical', keys: 'ZIP BHP CBA CSL NAB WBC ANZ WES MQG'.split(' ') },
					{ name: 'tier2', priority: 'high', keys: 'RIO TLS REA QAN BXB ORG JHX CPU SHL ASX'.split(' ') },
				],
				fallback: { name: 'tier3', priority: 'normal' },
			});
			await tell(
				`The tiers are replaced while messages flow, from one message to the next: version ${registry.version}.`,
			);
			explain({ symbol: 'ZIP', kind: 'trade' });
			await forS(8);
			market.setHeap(0.45, 5_000);
			await until('NORMAL is reached', () => shedder.level === 'NORMAL', 120);
			await until('the spill is empty', () => shedder.stats().waiting === 0, 120);
		},
	},
	{
		title: 'A sixth level',
		async play({ market, shedder, tell, until, forS, look }) {
			await tell(
				'One more entry in the array, loaded while messages flow: from 750K on SELECTIVE spills tier 3 and leaves tier 2 ' +
					'alone. Then the market opens again, with the same burst.',
			);
			shedder.reload(sixLevels);
			market.setArrivals(BURST_PER_S, 8_000);
			await until('SELECTIVE is reached', () => sixLevels.levels[3] === shedder.stats().level);
			await forS(8);
			look();
			await until('SELECTIVE is enough', () => sixLevels.levels[3] === shedder.stats().level, 0);
			await tell('It is enough: the lag falls, tier 2 stays live, and AGGRESSIVE is not needed.');
			market.setArrivals(CALM_PER_S, 5_000);
			await until('NORMAL is reached', () => shedder.level === 'NORMAL', 120);
			await until('the spill is empty', () => shedder.stats().waiting === 0, 120);
			await until('the queue is empty', () => market.lag() === 0);
		},
	},
];
