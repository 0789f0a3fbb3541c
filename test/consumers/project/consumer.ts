// What a user may write. The tests compile this file as an ES module and as CommonJS, with every supported TypeScript.
import {
	ConfigError,
	createLoadShedder,
	defineLadder,
	defineTiers,
	marketDataLadder,
	memorySpill,
	pushSignal,
} from 'brownout';
import { type Dashboard, dashboardHandler, serveDashboard } from 'brownout/dashboard';
import { heapSignal } from 'brownout/process';
import { watchTiers } from 'brownout/tiers-file';

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Compiles only when the type of the value is known. */
function known<T>(_value: T, _known: IsAny<T> extends true ? never : 'known'): void {}

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 100 }, disable: ['enrichment'] },
		{ name: 'HARD', enterAt: { lag: 1_000, heap: 0.9 }, shed: { normal: 'spill' } },
	],
	cooldownMs: 30_000,
});
const tiers = defineTiers({
	tiers: [{ name: 'tier1', priority: 'critical', keys: ['BHP'] }],
	fallback: { name: 'rest', priority: 'normal' },
});
interface Trade {
	readonly symbol: string;
}
const lag = pushSignal();
lag.set(5_000);
const shedder = createLoadShedder({
	ladder,
	tiers,
	signals: { lag, heap: heapSignal() },
	keyOf: (trade: Trade) => trade.symbol,
	spill: memorySpill(),
});
shedder.on('transitioned', (transition) => {
	known(transition, 'known');
	known(transition.to, 'known');
	known(transition.causes[0]?.signal, 'known');
});
shedder.on('failed', (failure) => known(failure.during, 'known'));
try {
	// @ts-expect-error: there is no such event.
	shedder.on('transitionned', () => {});
	throw new Error('a misspelt event was accepted');
} catch (error) {
	if (!(error instanceof TypeError)) throw error;
}
// @ts-expect-error: a listener of transitions is not given a number.
shedder.on('transitioned', (transition: number) => known(transition, 'known'));

const handle = shedder.wrap((trade, { level, priority, features }) => {
	known(trade, 'known');
	const at: 'NORMAL' | 'SOFT' | 'HARD' = level;
	return `${trade.symbol} ${priority} at ${at}${features.enrichment ? ', enriched' : ''}`;
});

async function main(): Promise<void> {
	await shedder.check();
	const outcome = await handle({ symbol: 'BHP' });
	known(outcome, 'known');
	if (outcome.action !== 'process') throw new Error(`The protected message was not processed: ${outcome.action}`);
	const page: Dashboard = await serveDashboard(shedder, { title: 'trades' });
	known(page, 'known');
	await page.close();
	const handler = dashboardHandler(shedder);
	known(handler, 'known');
	handler.close();
	await shedder.stop();

	try {
		defineLadder({ ...marketDataLadder.spec, cooldownMs: -1 });
		throw new Error('A negative cooldown was accepted.');
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
	}
	known(watchTiers, 'known');
	console.log(outcome.value);
}

main().catch((error: unknown) => {
	console.error(error);
	throw error;
});
