// The names and shapes that users of the first version may rely on, in our own words: each must stay assignable.
import { EventEmitter } from 'node:events';
import type typed from 'typed-emitter';
import { expectTypeOf } from 'vitest';
import type * as brownout from '../../src/index.js';
import {
	type Action,
	type Admission,
	type Cause,
	type Clock,
	type Codec,
	ConfigError,
	type Controller,
	type ControllerEvents,
	type ControllerSnapshot,
	type Cursor,
	classifyByVolume,
	type Damage,
	type Decision,
	defineTiers,
	type Effect,
	type Emitter,
	type HandlerContext,
	type Hold,
	type Intake,
	isCalm,
	type Ladder,
	type LadderState,
	type LoadShedder,
	lagSeconds,
	marketDataLadder,
	marketDataTiers,
	memorySpill,
	messageAge,
	type Observable,
	type Outcome,
	type Override,
	pollSignal,
	pushSignal,
	type ReplayOptions,
	releaseAt,
	type Sample,
	type ShedderEvents,
	type ShedderOptions,
	type SignalPolicy,
	type SignalSource,
	SpillError,
	type Spilled,
	SpillFullError,
	type SpillOptions,
	type SpillRecord,
	type SpillStats,
	type SpillStore,
	type Stats,
	type Step,
	type TierRegistry,
	type Tiers,
	type Transition,
} from '../../src/index.js';

type N = 'NORMAL' | 'SOFT';
type S = 'lag';
type F = 'enrichment';
type P = 'critical' | 'low';

/** Where a type is what is read, more may be there; where it is what is written, more may be taken. */
declare function reads<Wanted>(value: Wanted): void;
declare function value<T>(): T;

// The ladder, and what it is asked for.
expectTypeOf<Action>().toEqualTypeOf<'process' | 'spill' | 'reject' | 'drop'>();
expectTypeOf<Effect>().toEqualTypeOf<'pause-intake' | 'resume-intake' | 'start-replay' | 'stop-replay'>();
reads<{
	readonly level: number;
	readonly sinceMs: number;
	readonly probing: boolean;
}>(value<LadderState>());
reads<{ readonly signal: S; readonly reading: number; readonly threshold: number }>(value<Cause<S>>());
reads<{
	readonly from: N;
	readonly to: N;
	readonly direction: 'escalate' | 'recover';
	readonly causes: readonly Cause<S>[];
	readonly why: 'signal' | 'recovered' | 'override' | 'stale' | 'spill-full';
	readonly atMs: number;
}>(value<Transition<N, S>>());
reads<{
	readonly reason: 'cooldown' | 'unknown' | 'guard' | 'probe' | 'override' | 'spill';
	readonly untilMs?: number | undefined;
	readonly signal?: S | undefined;
}>(value<Hold<S>>());
reads<{
	readonly state: LadderState;
	readonly demand: N;
	readonly severity: number;
	readonly transition: Transition<N, S> | null;
	readonly holds: readonly Hold<S>[];
	readonly effects: readonly Effect[];
}>(value<Step<N, S>>());
reads<{
	readonly action: Action;
	readonly level: N;
	readonly priority: P;
	readonly features: { readonly enrichment: boolean };
}>(value<Decision<N, P, F>>());
reads<Sample<S, N>>({
	atMs: 1,
	readings: { lag: 1 },
	utilisation: undefined,
	spillFull: undefined,
	replaying: true,
	override: { floor: 'NORMAL', ceiling: 'SOFT' },
});
reads<SignalPolicy<N>>({
	recoverBelow: 0.5,
	fallsWhilePaused: false,
	maxAgeMs: 1,
	staleAfterMs: 1,
	onStale: { atLeast: 'SOFT' },
	stuckAfterMs: 1,
});
expectTypeOf(isCalm(marketDataLadder, 1, { lag: 1, heap: 1 })).toEqualTypeOf<boolean>();
expectTypeOf(releaseAt(marketDataLadder, 1, 'lag')).toEqualTypeOf<number | undefined>();
// @ts-expect-error: there is no signal "cpu".
releaseAt(marketDataLadder, 1, 'cpu');
expectTypeOf(marketDataLadder).toEqualTypeOf<
	Ladder<
		'NORMAL' | 'SOFT' | 'GRACEFUL' | 'AGGRESSIVE' | 'CIRCUIT_BREAK',
		'lag' | 'heap',
		'critical',
		'high' | 'normal' | 'low',
		'enrichment' | 'strictValidation'
	>
>();
expectTypeOf(marketDataTiers).toEqualTypeOf<Tiers<'critical' | 'high' | 'normal'>>();

// Tiers.
reads<{ readonly names: readonly string[]; tierOf(key: string): string; priorityOf(key: string): P }>(
	value<Tiers<P>>(),
);
reads<{
	readonly current: Tiers<P>;
	readonly version: number;
	replace(spec: unknown): Tiers<P>;
	subscribe(listener: (tiers: Tiers<P>, version: number) => void): () => void;
}>(value<TierRegistry<P>>());
const classified = classifyByVolume(
	new Map([['a', 1]]),
	[{ name: 'top', priority: 'critical', top: 20 }],
	{ name: 'rest', priority: 'low' },
	defineTiers({ tiers: [], fallback: { name: 'all', priority: 'low' } }),
);
expectTypeOf(classified.tiers).toEqualTypeOf<Tiers<P>>();
reads<{
	readonly tiers: readonly {
		readonly name: string;
		readonly keys: number;
		readonly volume: number;
		readonly coverage: number;
	}[];
	readonly moved: readonly { readonly key: string; readonly from: string; readonly to: string }[];
}>(classified.report);

// Errors.
const error = value<ConfigError>();
reads<
	Error & {
		readonly code: 'CONFIG_INVALID';
		readonly problems: readonly { readonly path: string; readonly message: string }[];
	}
>(error);
expectTypeOf(ConfigError).toBeConstructibleWith('ladder', [{ path: 'a', message: 'b' }]);
expectTypeOf(new SpillError('a').code).toEqualTypeOf<string>();
reads<SpillError>(new SpillFullError('full'));

// Ports: what a user writes fits, and what we hand out is what is promised.
reads<Clock>({ nowMs: () => 1, every: (_periodMs: number, _run: () => void) => () => {} });
reads<SignalSource>({ read: () => 1 });
reads<SignalSource>({ read: async () => 1, fallsWhilePaused: false, close: async () => {} });
reads<SignalSource>(pollSignal((abort) => (abort.aborted ? null : 1), { everyMs: 1, timeoutMs: 1, maxAgeMs: 1 }));
reads<SignalSource & { set(value: number): void }>(pushSignal({ maxAgeMs: 1 }));
reads<SignalSource>(messageAge());
reads<SignalSource>(lagSeconds(() => 1));
reads<SignalSource>(lagSeconds(pushSignal()));
reads<Intake>({ pause() {}, async resume() {} });
reads<Intake>({ pause() {}, resume() {}, onAssignmentChange: (_listener: () => void) => () => {}, residual: 190 });
reads<SpillRecord>({
	id: 'a',
	key: 'b',
	payload: new Uint8Array(),
	enqueuedAtMs: 1,
	expiresAtMs: undefined,
	headers: { a: 'b' },
});
reads<SpillRecord & { readonly partition: number; readonly cursor: Cursor }>(value<Spilled>());
reads<{
	readonly truncatedBytes: number;
	readonly corruptRecords: number;
	readonly missingRecords: number;
	readonly quarantined: readonly string[];
}>(value<Damage>());
reads<{
	readonly records: number | null;
	readonly bytes: number | null;
	readonly capacityBytes: number | null;
	readonly oldestEnqueuedAtMs: number | null;
	readonly damage: Damage;
}>(value<SpillStats>());
reads<SpillStore>(memorySpill({ maxBytes: 1 }));
reads<SpillStore>({
	capabilities: { durability: 'replicated', partitions: 1, maxRecordBytes: 1, dedupesById: true },
	open: async (_options?: { readonly signal?: AbortSignal }) => value<Damage>(),
	append: async (_batch: readonly SpillRecord[], _options?: { readonly signal?: AbortSignal }) => {},
	read: async (_options: {
		readonly partition: number;
		readonly after?: Cursor | undefined;
		readonly maxRecords: number;
		readonly maxBytes?: number;
		readonly signal?: AbortSignal;
	}) => [],
	ack: async (_partition: number, _upTo: Cursor) => {},
	stats: async () => value<SpillStats>(),
	close: async () => {},
});

// The drivers.
reads<{ readonly version: 1; readonly level: string }>(value<ControllerSnapshot>());
reads<ControllerSnapshot>({ version: 1, level: 'NORMAL' });
reads<Override<N>>({ level: 'SOFT', ttlMs: 1, reason: 'a', actor: 'b' });
reads<Override<N>>({ floor: 'SOFT', ceiling: undefined, ttlMs: 1, reason: 'a' });
type Driver = Controller<N, S, 'critical', 'low', F>;
reads<{
	readonly ladder: Ladder<N, S, 'critical', 'low', F>;
	readonly level: N;
	readonly accepting: boolean;
	isEnabled(feature: F): boolean;
	check(): Promise<Transition<N, S> | null>;
	start(): void;
	stop(): Promise<void>;
	override(override: Override<N>): () => void;
	reload(ladder: Ladder<string, S, 'critical', 'low', F>): void;
	snapshot(): ControllerSnapshot;
	restore(snapshot: ControllerSnapshot): void;
}>(value<Driver>());
expectTypeOf<Outcome<1>>().toEqualTypeOf<
	| { readonly action: 'process'; readonly value: 1 }
	| { readonly action: 'spill' }
	| { readonly action: 'drop' }
	| { readonly action: 'reject'; readonly cause?: unknown }
>();
reads<{
	readonly level: N;
	readonly priority: P;
	readonly features: { readonly enrichment: boolean };
	readonly replayed: boolean;
}>(value<HandlerContext<N, P, F>>());
interface Message {
	readonly key: string;
}
reads<Codec<Message>>({ encode: () => new Uint8Array(), decode: () => ({ key: 'a' }) });
reads<SpillOptions<Message>>({
	store: memorySpill(),
	codec: undefined,
	idOf: ({ key }) => key,
	expiresAfterMs: 1,
	whenSpillFails: 'reject',
});
reads<ReplayOptions<N>>({ upTo: 'SOFT', maxPerS: 1 });
reads<ShedderOptions<Message, P, N>>({
	tiers: value<Tiers<P> | TierRegistry<P>>(),
	keyOf: ({ key }) => key,
	priorityOf: () => undefined,
	timeOf: () => 1,
	spill: memorySpill(),
	replay: undefined,
	mode: 'observe',
});
type Shedder = LoadShedder<Message, N, S, 'critical', 'low', F>;
reads<Observable & { readonly controller: Driver }>(value<Shedder>());
reads<{
	decide(message: Message): Decision<N, P, F>;
	admit(message: Message): Decision<N, P, F>;
	begin(message: Message): Admission<HandlerContext<N, P, F>>;
	explain(message: Message): {
		readonly decision: Decision<N, P, F>;
		readonly tier: string;
		readonly holds: readonly Hold<S>[];
		readonly text: string;
	};
	check(): Promise<Transition<N, S> | null>;
	start(): void;
	stop(): Promise<void>;
}>(value<Shedder>());
reads<{
	readonly level: string;
	readonly levelIndex: number;
	readonly demand: string;
	readonly accepting: boolean;
	readonly offered: number;
	readonly processed: number;
	readonly waiting: number;
	readonly dropped: number;
	readonly rejected: number;
	readonly protectedShed: number;
}>(value<Stats>());
// What observes is not generic: any shedder fits.
reads<Observable>(value<LoadShedder<Message, N, S, 'critical', 'low', F>>());
reads<Observable>(value<LoadShedder<string, 'A', 'b', 'c', 'd', never>>());

// Events.
type Events = ShedderEvents<N, S, P>;
reads<Parameters<ControllerEvents<N, S>['transitioned']>>([value<Transition<N, S>>()]);
expectTypeOf<Parameters<Events['intakeChanged']>[0]>().toEqualTypeOf<{
	readonly paused: boolean;
	readonly probing: boolean;
}>();
expectTypeOf<Parameters<Events['overridden']>[0]>().toEqualTypeOf<{
	readonly active: boolean;
	readonly reason: string;
	readonly actor?: string | undefined;
}>();
reads<{
	readonly during: 'signal' | 'intake' | 'spill' | 'replay' | 'listener' | 'tiers';
	readonly name?: string | undefined;
	readonly error: unknown;
}>(value<Parameters<Events['failed']>[0]>());
reads<{
	readonly priority: P;
	readonly tier: string;
	readonly count: number;
	readonly firstAtMs: number;
	readonly lastAtMs: number;
}>(value<Parameters<Events['dropped']>[0]>());
reads<{ readonly records: number; readonly waiting: number; readonly etaMs: number | null }>(
	value<Parameters<Events['replayed']>[0]>(),
);
expectTypeOf<Parameters<Events['tiersReplaced']>[0]>().toEqualTypeOf<{ readonly version: number }>();

// typed-emitter's map fits, and its emitter is one of ours.
type Map = {
	transitioned: (transition: Transition<N, S>) => void;
	failed: (failure: { readonly error: unknown }) => void;
};
const theirs = new EventEmitter() as typed.default<Map>;
reads<Emitter<Map>>(theirs);
const ours = value<Emitter<Map>>();
expectTypeOf(ours.on).parameters.toEqualTypeOf<Parameters<(typeof theirs)['on']>>();
expectTypeOf(ours.once).parameters.toEqualTypeOf<Parameters<(typeof theirs)['once']>>();
expectTypeOf(ours.off).parameters.toEqualTypeOf<Parameters<(typeof theirs)['off']>>();
// @ts-expect-error: only listening is public.
void ours.emit;

// Every function that the first version promises is there.
expectTypeOf<keyof typeof brownout>()
	.extract<
		| 'defineLadder'
		| 'demandOf'
		| 'isCalm'
		| 'releaseAt'
		| 'initialState'
		| 'step'
		| 'decide'
		| 'decideGradually'
		| 'defineTiers'
		| 'createTierRegistry'
		| 'classifyByVolume'
		| 'marketDataLadder'
		| 'marketDataTiers'
		| 'ConfigError'
		| 'pollSignal'
		| 'pushSignal'
		| 'memorySpill'
		| 'SpillError'
		| 'SpillFullError'
		| 'createController'
		| 'createLoadShedder'
		| 'messageAge'
		| 'lagSeconds'
	>()
	.toEqualTypeOf<
		| 'defineLadder'
		| 'demandOf'
		| 'isCalm'
		| 'releaseAt'
		| 'initialState'
		| 'step'
		| 'decide'
		| 'decideGradually'
		| 'defineTiers'
		| 'createTierRegistry'
		| 'classifyByVolume'
		| 'marketDataLadder'
		| 'marketDataTiers'
		| 'ConfigError'
		| 'pollSignal'
		| 'pushSignal'
		| 'memorySpill'
		| 'SpillError'
		| 'SpillFullError'
		| 'createController'
		| 'createLoadShedder'
		| 'messageAge'
		| 'lagSeconds'
	>();
