// Compiled by the type check, never run: what must compile, and what must not.
import { expectTypeOf } from 'vitest';
import {
	type BatchOptions,
	type Controller,
	createController,
	createLoadShedder,
	createTierRegistry,
	type Decision,
	decide,
	decideGradually,
	defineLadder,
	defineTiers,
	demandOf,
	initialState,
	type Ladder,
	marketDataLadder,
	marketDataTiers,
	memorySpill,
	type Outcome,
	step,
	type Transition,
} from '../../src/index.js';

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['high', 'low'] },
	features: ['enrichment', 'validation'],
	signals: { lag: { recoverBelow: 0.5, onStale: { atLeast: 'SOFT' } }, heap: { recoverBelow: 0.9 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 10, heap: 0.7 }, disable: ['enrichment'] },
		{ name: 'HARD', enterAt: { lag: 100 }, shed: { low: 'drop', high: 'spill' } },
	],
	cooldownMs: 1_000,
});
const signals = { lag: () => 1, heap: async () => 0.5 };
type Levels = 'NORMAL' | 'SOFT' | 'HARD';

// Every name is inferred as a literal.
expectTypeOf(ladder).toEqualTypeOf<
	Ladder<Levels, 'lag' | 'heap', 'critical', 'high' | 'low', 'enrichment' | 'validation'>
>();
expectTypeOf(ladder.levels).toEqualTypeOf<readonly Levels[]>();
expectTypeOf(ladder.priorities).toEqualTypeOf<readonly ('critical' | 'high' | 'low')[]>();
expectTypeOf(defineLadder({ ...ladder.spec, cooldownMs: 5 })).toEqualTypeOf(ladder);
const featureless = defineLadder({
	priorities: { protected: 'p', sheddable: [] },
	signals: { a: { recoverBelow: 0.5 } },
	levels: [{ name: 'ONE' }, { name: 'TWO', enterAt: { a: 1 } }],
	cooldownMs: 1,
});
expectTypeOf(featureless.features).toEqualTypeOf<readonly never[]>();

// A definition that names what it has not declared.
const rest = { priorities: ladder.spec.priorities, features: ladder.spec.features, cooldownMs: 1 } as const;
defineLadder({
	...rest,
	// @ts-expect-error: there is no level SOFFT.
	signals: { lag: { recoverBelow: 0.5, onStale: { atLeast: 'SOFFT' } } },
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 10 } }],
});
defineLadder({
	...rest,
	signals: { lag: { recoverBelow: 0.5 } },
	// @ts-expect-error: no signal "heap" is declared.
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { heap: 0.7 } }],
});
defineLadder({
	...rest,
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5 } },
	// @ts-expect-error: no feature "enrichmnt" is declared.
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 10 }, disable: ['enrichmnt'] }],
});
defineLadder({
	...rest,
	priorities: { protected: 'critical', sheddable: ['low'] },
	signals: { lag: { recoverBelow: 0.5 } },
	// @ts-expect-error: the protected priority cannot be shed (D3).
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 10 }, shed: { critical: 'drop' } }],
});
defineLadder({
	...rest,
	priorities: { protected: 'critical', sheddable: ['low'] },
	signals: { lag: { recoverBelow: 0.5 } },
	// @ts-expect-error: there is no priority "lwo".
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 10 }, shed: { lwo: 'drop' } }],
});
defineLadder({
	...rest,
	priorities: { protected: 'critical', sheddable: ['low'] },
	signals: { lag: { recoverBelow: 0.5 } },
	// @ts-expect-error: "process" is what is done without an entry.
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 10 }, shed: { low: 'process' } }],
});
// @ts-expect-error: a signal says when it is let go of.
defineLadder({ ...rest, signals: { lag: {} }, levels: [{ name: 'NORMAL' }] });
// @ts-expect-error: a ladder has a cooldown.
defineLadder({ priorities: rest.priorities, signals: { lag: { recoverBelow: 0.5 } }, levels: [{ name: 'NORMAL' }] });
// @ts-expect-error: only defineLadder makes a ladder that step takes, but the shape must at least be there.
initialState({ levels: ['NORMAL'] }, 0);

// The pure core knows the names.
const state = initialState(ladder, 0);
const taken = step(ladder, state, { atMs: 1, readings: { lag: 1, heap: 1 } });
expectTypeOf(taken.demand).toEqualTypeOf<Levels>();
expectTypeOf(taken.transition).toEqualTypeOf<Transition<Levels, 'lag' | 'heap'> | null>();
expectTypeOf(taken.holds[0]?.signal).toEqualTypeOf<'lag' | 'heap' | undefined>();
// @ts-expect-error: the reading of heap is missing.
step(ladder, state, { atMs: 1, readings: { lag: 1 } });
// @ts-expect-error: there is no level MILD.
step(ladder, state, { atMs: 1, readings: { lag: 1, heap: 1 }, override: { floor: 'MILD', ceiling: 'HARD' } });
// @ts-expect-error: a signal of another ladder.
demandOf(ladder, { lag: 1, heap: 1, cpu: 1 });
expectTypeOf(decide(ladder, 1, 'high')).toEqualTypeOf<
	Decision<Levels, 'critical' | 'high' | 'low', 'enrichment' | 'validation'>
>();
expectTypeOf(decide(ladder, 1, 'high').features).toEqualTypeOf<{
	readonly enrichment: boolean;
	readonly validation: boolean;
}>();
// @ts-expect-error: there is no priority "medium".
decide(ladder, 1, 'medium');
// @ts-expect-error: there is no priority "medium".
decideGradually(ladder, 1, 1.5, 'medium', 0.5);

// Controllers.
const controller = createController({ ladder, signals });
expectTypeOf(controller).toEqualTypeOf<
	Controller<Levels, 'lag' | 'heap', 'critical', 'high' | 'low', 'enrichment' | 'validation'>
>();
expectTypeOf(controller.level).toEqualTypeOf<Levels>();
// @ts-expect-error: heap has no source.
createController({ ladder, signals: { lag: () => 1 } });
// @ts-expect-error: cpu is no signal of the ladder.
createController({ ladder, signals: { ...signals, cpu: () => 1 } satisfies typeof signals });
// @ts-expect-error: a source answers with numbers.
createController({ ladder, signals: { lag: () => '1', heap: () => 1 } });
// @ts-expect-error: there is no feature "enrichmnt".
controller.isEnabled('enrichmnt');
controller.override({ level: 'HARD', ttlMs: 1, reason: 'test' });
controller.override({ floor: 'SOFT', ceiling: 'HARD', ttlMs: 1, reason: 'test', actor: undefined });
// @ts-expect-error: there is no level MILD.
controller.override({ level: 'MILD', ttlMs: 1, reason: 'test' });
// @ts-expect-error: there is no level MILD.
controller.override({ floor: 'MILD', ttlMs: 1, reason: 'test' });
// @ts-expect-error: a level and a bound are two different wishes.
controller.override({ level: 'HARD', floor: 'SOFT', ttlMs: 1, reason: 'test' });
// @ts-expect-error: every override ends.
controller.override({ level: 'HARD', reason: 'test' });
// @ts-expect-error: every override says why.
controller.override({ level: 'HARD', ttlMs: 1 });
// A reload may rename levels, and nothing else.
controller.reload(
	defineLadder({
		...ladder.spec,
		levels: [{ name: 'A' }, { name: 'B', enterAt: { lag: 1 } }],
		signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.5 } },
	}),
);
// @ts-expect-error: other signals need other sources.
controller.reload(featureless);
controller.restore(JSON.parse('{}'));

// Tiers.
const tiers = defineTiers({
	tiers: [{ name: 'one', priority: 'critical', keys: ['a'] }],
	fallback: { name: 'rest', priority: 'low' },
});
expectTypeOf(tiers.priorityOf('a')).toEqualTypeOf<'critical' | 'low'>();
const odd = defineTiers({ tiers: [], fallback: { name: 'rest', priority: 'medium' } });

// Shedders.
interface Trade {
	readonly symbol: string;
}
const keyOf = (trade: Trade) => trade.symbol;
const shedder = createLoadShedder({ ladder, signals, tiers, keyOf });
createLoadShedder({ ladder, signals, tiers: createTierRegistry(tiers), keyOf });
createLoadShedder({ controller, tiers, keyOf });
createLoadShedder({ controller, priorityOf: (trade: Trade) => (trade.symbol === 'a' ? 'critical' : 'low') });
createLoadShedder({ ladder: marketDataLadder, signals, tiers: marketDataTiers, keyOf });
// @ts-expect-error: "medium" is no priority of the ladder.
createLoadShedder({ ladder, signals, tiers: odd, keyOf });
// @ts-expect-error: "medium" is no priority of the ladder.
createLoadShedder({ controller, tiers: createTierRegistry(odd), keyOf });
// @ts-expect-error: "medium" is no priority of the ladder.
createLoadShedder({ controller, priorityOf: (_: Trade) => 'medium' });
// @ts-expect-error: there is no level MILD.
createLoadShedder({ ladder, signals, tiers, keyOf, replay: { upTo: 'MILD' } });
createLoadShedder({ ladder, signals, tiers, keyOf, replay: { upTo: 'SOFT' } });
// @ts-expect-error: there is no level MILD.
createLoadShedder({ controller, tiers, keyOf, replay: { upTo: 'MILD' } });
// @ts-expect-error: heap has no source.
createLoadShedder({ ladder, signals: { lag: () => 1 }, tiers, keyOf });
// @ts-expect-error: there is no mode "dry".
createLoadShedder({ ladder, signals, tiers, keyOf, mode: 'dry' });
const orders = { store: memorySpill(), idOf: (order: { readonly id: number }) => `${order.id}` };
// @ts-expect-error: its ids are those of another kind of message.
createLoadShedder({ ladder, signals, tiers, keyOf, spill: orders });
// @ts-expect-error: there is no feature "enrichmnt".
shedder.isEnabled('enrichmnt');
// @ts-expect-error: there is no level MILD.
shedder.override({ level: 'MILD', ttlMs: 1, reason: 'test' });
// @ts-expect-error: not a trade.
shedder.decide('a');

const handle = shedder.wrap((trade, context) => {
	expectTypeOf(trade).toEqualTypeOf<Trade>();
	expectTypeOf(context.level).toEqualTypeOf<Levels>();
	expectTypeOf(context.priority).toEqualTypeOf<'critical' | 'high' | 'low'>();
	expectTypeOf(context.replayed).toEqualTypeOf<boolean>();
	// @ts-expect-error: there is no feature "enrichmnt".
	void context.features.enrichmnt;
	return context.features.enrichment ? trade : undefined;
});
expectTypeOf(handle).parameters.toEqualTypeOf<[Trade]>();
expectTypeOf(handle).returns.resolves.toEqualTypeOf<Outcome<Trade | undefined>>();
expectTypeOf(shedder.wrapBatch(async (trade) => trade.symbol)).toEqualTypeOf<
	(trades: readonly Trade[], options?: BatchOptions<string>) => Promise<Outcome<string>[]>
>();
handle({ symbol: 'a' }).then((outcome) => {
	// @ts-expect-error: only what was processed has a value.
	void outcome.value;
	if (outcome.action === 'process') expectTypeOf(outcome.value).toEqualTypeOf<Trade | undefined>();
	if (outcome.action === 'reject') expectTypeOf(outcome.cause).toEqualTypeOf<unknown>();
});

// Listening chains, and is all that an emitter offers.
expectTypeOf(shedder.on('transitioned', () => {}).once('failed', () => {})).toEqualTypeOf(shedder);
expectTypeOf(controller.on('transitioned', () => {})).toEqualTypeOf(controller);
// @ts-expect-error: telling is not for everyone.
void shedder.emit;
// @ts-expect-error: telling is not for everyone.
void controller.emit;
// @ts-expect-error: neither is failing.
void shedder.fail;
