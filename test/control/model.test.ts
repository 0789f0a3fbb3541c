import { describe, expect, it } from 'vitest';
import {
	createTierRegistry,
	defineLadder,
	defineTiers,
	type Ladder,
	memorySpill,
	type Stats,
} from '../../src/index.js';
import { fc } from '../support/property.js';
import {
	type Deferred,
	deferred,
	driver,
	expectNoLeaks,
	fails,
	imbalance,
	type Level,
	LOAD,
	ladder,
	type Message,
	type MessageShedder,
	never,
	type Priority,
	recordedIntake,
	slow,
	spec,
	tiers,
	unruly,
} from './driver.js';

expectNoLeaks();

type Fate = 'at once' | 'later' | 'throws' | 'rejects later';
type Offer = { readonly key: string; readonly priority: Priority | undefined; readonly fate: Fate };

/** Ladders that the running one may be replaced by: other thresholds, levels missing, gradual, or everything rejected. */
const [normal, soft, graceful, aggressive, circuit] = spec.levels;
const others: readonly Ladder<string, 'load', 'critical', 'high' | 'normal' | 'low', 'enrichment'>[] = [
	ladder,
	defineLadder({ ...spec, gradual: true }),
	defineLadder({ ...spec, levels: [normal, soft, graceful, { ...aggressive, intake: 'paused' }] }),
	defineLadder({ ...spec, levels: [normal, graceful, aggressive, circuit], escalation: 'step', recovery: 'step' }),
	defineLadder({ ...spec, levels: [normal, { ...soft, shed: { low: 'reject', normal: 'reject' } }] }),
];
const registryTiers = [
	tiers,
	defineTiers({ tiers: [], fallback: { name: 'all', priority: 'low' } }),
	defineTiers({
		tiers: [{ name: 'odd', priority: 'normal', keys: ['G1'] }],
		fallback: { name: 'rest', priority: 'critical' },
	}),
];

/** What the test knows without looking into the shedder. */
interface Model {
	/** Messages offered: a batch ends at a handler that throws, and what comes after it was never offered. */
	offeredAtLeast: number;
	offeredAtMost: number;
	/** Handler calls under way, live ones and replayed ones. */
	readonly pending: { readonly answer: Deferred<void>; readonly replayed: boolean }[];
	/** What each protected message came to. */
	readonly protectedOutcomes: Promise<string>[];
	stopped: boolean;
}

interface Real {
	readonly made: ReturnType<typeof driver>;
	readonly shedder: MessageShedder;
	readonly offer: (messages: readonly Offer[], batch: boolean) => void;
	readonly store: ReturnType<typeof unruly>;
	readonly setIntake: (trouble: 'works' | 'fails' | 'hangs') => void;
	readonly replaceTiers: (which: number) => void;
	before: Stats;
}

/** Counters that never go back (rule M5). */
const MONOTONE = [
	'offered',
	'recovered',
	'processed',
	'failed',
	'replayed',
	'dropped',
	'rejected',
	'expired',
	'deadLettered',
	'lost',
	'spilled',
] as const;

function holds(real: Real, model: Model): void {
	const stats = real.shedder.stats();
	expect(imbalance(stats)).toBe(0);
	expect(stats.protectedShed).toBe(0);
	expect(stats.offered).toBeGreaterThanOrEqual(model.offeredAtLeast);
	expect(stats.offered).toBeLessThanOrEqual(model.offeredAtMost);
	expect(stats.inFlight).toBeGreaterThanOrEqual(0);
	expect(stats.waiting).toBeGreaterThanOrEqual(0);
	expect(stats.history.length).toBeLessThanOrEqual(100);
	// Nothing in these tests damages a store: whatever it does, nothing is lost.
	expect(stats.lost).toBe(0);
	for (const counter of MONOTONE) expect(stats[counter]).toBeGreaterThanOrEqual(real.before[counter]);
	for (const { headers } of real.store.appends.flat()) expect(headers?.priority).not.toBe('critical');
	expect(stats.levelIndex).toBe(real.shedder.ladder.levels.indexOf(real.shedder.level));
	real.before = stats;
}

abstract class Command implements fc.AsyncCommand<Model, Real> {
	check(_: Readonly<Model>): boolean {
		return true;
	}
	abstract apply(real: Real, model: Model): Promise<void> | void;
	async run(model: Model, real: Real): Promise<void> {
		await this.apply(real, model);
		holds(real, model);
		for (let turn = 0; turn < 20; turn++) {
			await Promise.resolve();
			expect(imbalance(real.shedder.stats())).toBe(0);
		}
		holds(real, model);
	}
	abstract toString(): string;
}

class OfferMessages extends Command {
	constructor(
		readonly messages: readonly Offer[],
		readonly batch: boolean,
	) {
		super();
	}
	apply(real: Real, model: Model) {
		model.offeredAtMost += this.messages.length;
		if (!this.batch) model.offeredAtLeast += this.messages.length;
		real.offer(this.messages, this.batch);
	}
	toString() {
		return `offer(${JSON.stringify(this.messages)}${this.batch ? ', batch' : ''})`;
	}
}

class Admit extends Command {
	constructor(readonly message: Message) {
		super();
	}
	apply(real: Real, model: Model) {
		model.offeredAtLeast++;
		model.offeredAtMost++;
		const decision = real.shedder.admit(this.message);
		if (decision.priority === 'critical') expect(decision.action).toBe('process');
	}
	toString() {
		return `admit(${JSON.stringify(this.message)})`;
	}
}

class Load extends Command {
	constructor(readonly reading: number) {
		super();
	}
	apply({ made }: Real) {
		made.setLoad(this.reading);
	}
	toString() {
		return `load(${this.reading})`;
	}
}

class Advance extends Command {
	constructor(readonly ms: number) {
		super();
	}
	async apply({ made }: Real) {
		await made.clock.advance(this.ms);
	}
	toString() {
		return `advance(${this.ms})`;
	}
}

class Check extends Command {
	apply({ shedder }: Real) {
		void shedder.check();
	}
	toString() {
		return 'check';
	}
}

const OPERATIONS = ['open', 'append', 'read', 'ack', 'stats'] as const;
class StoreTrouble extends Command {
	constructor(
		readonly operation: (typeof OPERATIONS)[number],
		readonly kind: 'works' | 'fails' | 'hangs',
	) {
		super();
	}
	apply({ store }: Real) {
		if (this.kind === 'works') delete store.trouble[this.operation];
		else store.trouble[this.operation] = this.kind === 'hangs' ? never : fails(`${this.operation} failed`);
	}
	toString() {
		return `store.${this.operation} ${this.kind}`;
	}
}

class IntakeTrouble extends Command {
	constructor(readonly kind: 'works' | 'fails' | 'hangs') {
		super();
	}
	apply(real: Real) {
		real.setIntake(this.kind);
	}
	toString() {
		return `intake ${this.kind}`;
	}
}

class Answer extends Command {
	constructor(
		readonly which: number,
		readonly fails: boolean,
	) {
		super();
	}
	override check({ pending }: Readonly<Model>) {
		return pending.length > 0;
	}
	apply(_: Real, { pending }: Model) {
		const [call] = pending.splice(this.which % pending.length, 1);
		if (this.fails) call?.answer.reject(new Error('of the handler'));
		else call?.answer.resolve();
	}
	toString() {
		return `${this.fails ? 'reject' : 'resolve'}(${this.which})`;
	}
}

class Overrule extends Command {
	constructor(
		readonly level: Level,
		readonly kind: 'level' | 'floor' | 'ceiling',
		readonly ttlMs: number,
		readonly endNow: boolean,
	) {
		super();
	}
	apply({ shedder }: Real) {
		// The ladder may have lost the level by a reload: then the override is refused and nothing changes.
		if (!shedder.ladder.levels.includes(this.level)) {
			const before = shedder.level;
			expect(() => shedder.override({ level: this.level, ttlMs: this.ttlMs, reason: 'test' })).toThrow('a level (');
			expect(shedder.level).toBe(before);
			return;
		}
		const bounds =
			this.kind === 'level'
				? { level: this.level }
				: this.kind === 'floor'
					? { floor: this.level }
					: { ceiling: this.level };
		const end = shedder.override({ ...bounds, ttlMs: this.ttlMs, reason: 'test' });
		if (this.endNow) end();
	}
	toString() {
		return `override(${this.kind} ${this.level} for ${this.ttlMs}${this.endNow ? ', ended' : ''})`;
	}
}

class ReplaceTiers extends Command {
	constructor(readonly which: number) {
		super();
	}
	apply(real: Real, { stopped }: Model) {
		if (!stopped) real.replaceTiers(this.which);
	}
	toString() {
		return `tiers(${this.which})`;
	}
}

class Reload extends Command {
	constructor(readonly which: number) {
		super();
	}
	override check({ stopped }: Readonly<Model>) {
		return !stopped;
	}
	apply({ shedder }: Real) {
		shedder.reload(others[this.which] as Ladder<string, 'load', 'critical', 'high' | 'normal' | 'low', 'enrichment'>);
	}
	toString() {
		return `reload(${this.which})`;
	}
}

class Restore extends Command {
	override check({ stopped }: Readonly<Model>) {
		return !stopped;
	}
	apply({ shedder }: Real) {
		const snapshot = JSON.parse(JSON.stringify(shedder.snapshot()));
		shedder.restore(snapshot);
		expect(shedder.snapshot()).toEqual(snapshot);
	}
	toString() {
		return 'restore';
	}
}

class Stop extends Command {
	apply({ shedder }: Real, model: Model) {
		model.stopped = true;
		void shedder.stop();
	}
	toString() {
		return 'stop';
	}
}

const level = fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK');
const offer = fc.record({
	key: fc.constantFrom('G1', 'S1', 'x', 'y'),
	priority: fc.constantFrom<Priority | undefined>(undefined, undefined, 'critical', 'high', 'low'),
	fate: fc.constantFrom<Fate>('at once', 'at once', 'later', 'throws', 'rejects later'),
});
const kind = fc.constantFrom<'works' | 'fails' | 'hangs'>('works', 'works', 'fails', 'hangs');
const edges = Object.values(LOAD).flatMap((enter) => [enter, enter - 1, enter + 1, enter / 2, enter / 2 - 1]);

const commands = fc.commands(
	[
		fc
			.tuple(fc.array(offer, { minLength: 1, maxLength: 5 }), fc.boolean())
			.map(([messages, batch]) => new OfferMessages(messages, batch)),
		fc
			.record({ key: fc.constantFrom('G1', 'x'), priority: fc.constantFrom<Priority>('low', 'critical', 'high') })
			.map((message) => new Admit(message)),
		fc.constantFrom(...edges, 25, 35, 39, Number.NaN, -1).map((reading) => new Load(reading)),
		fc.constantFrom(50, 499, 500, 501, 999, 1_000, 1_001, 2_000, 10_000, 30_000).map((ms) => new Advance(ms)),
		fc.constant(new Check()),
		fc.tuple(fc.constantFrom(...OPERATIONS), kind).map(([operation, how]) => new StoreTrouble(operation, how)),
		kind.map((how) => new IntakeTrouble(how)),
		fc.tuple(fc.nat(5), fc.boolean()).map(([which, failing]) => new Answer(which, failing)),
		fc
			.tuple(
				level,
				fc.constantFrom('level' as const, 'floor' as const, 'ceiling' as const),
				fc.constantFrom(1, 500, 5_000),
				fc.boolean(),
			)
			.map(([at, bound, ttlMs, endNow]) => new Overrule(at, bound, ttlMs, endNow)),
		fc.nat(registryTiers.length - 1).map((which) => new ReplaceTiers(which)),
		fc.nat(others.length - 1).map((which) => new Reload(which)),
		fc.constant(new Restore()),
		fc.constant(new Stop()),
	],
	{ maxCommands: 40, size: 'max' },
);

describe('the driver (M5)', () => {
	it('M5: every message is somewhere after every command, and no protected one is ever shed, kept or handed back', async () => {
		const given = fc.record({
			reject: fc.boolean(),
			full: fc.boolean(),
			start: fc.boolean(),
			expires: fc.boolean(),
			upTo: fc.constantFrom<Level | undefined>(undefined, undefined, 'SOFT'),
			held: fc.nat(3),
			keyFence: fc.boolean(),
			dead: fc.constantFrom('nowhere', 'kept', 'failing'),
			replay: fc.record({
				attempts: fc.integer({ min: 1, max: 3 }),
				concurrency: fc.constantFrom(1, 4),
				order: fc.constantFrom('oldest-first' as const, 'latest-per-key' as const),
			}),
			// Most of what can go wrong goes wrong where messages are spilled.
			from: fc.constantFrom<Level>('NORMAL', 'AGGRESSIVE', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
		});
		await fc.assert(
			fc.asyncProperty(given, commands, async (options, script) => {
				const { reject, full, start, expires, upTo, held, keyFence, dead, replay, from } = options;
				const model: Model = {
					offeredAtLeast: 0,
					offeredAtMost: 0,
					pending: [],
					protectedOutcomes: [],
					stopped: false,
				};
				const inner = memorySpill(full ? { maxBytes: 4_000 } : {});
				// Records of an earlier run.
				await inner.append(
					Array.from({ length: held }, (_, n) => ({
						id: `old-${n}`,
						key: 'x',
						payload: new TextEncoder().encode(JSON.stringify({ key: 'x', fate: 'at once' })),
						enqueuedAtMs: 0,
						headers: { handler: 'one', tier: 'bronze', priority: 'normal' },
					})),
				);
				const store = unruly(inner);
				const letters = unruly();
				if (dead === 'failing') letters.trouble.append = fails('no room for letters');
				let intakeTrouble: 'works' | 'fails' | 'hangs' = 'works';
				const { intake } = recordedIntake(() =>
					intakeTrouble === 'works'
						? undefined
						: intakeTrouble === 'hangs'
							? never()
							: Promise.reject(new Error('no broker')),
				);
				const registry = createTierRegistry(tiers);
				const made = driver({
					tiers: registry,
					intake,
					replay: { ...replay, upTo },
					spill: {
						store: store.store,
						whenSpillFails: reject ? 'reject' : 'process',
						expiresAfterMs: expires ? 20_000 : undefined,
						keyFence,
						deadLetters: dead === 'nowhere' ? undefined : letters.store,
					},
				});
				const { shedder, clock } = made;
				const handler = (message: Message & { readonly fate?: Fate }, { replayed }: { readonly replayed: boolean }) => {
					if (message.fate === 'throws') throw new Error('of the handler');
					if (message.fate === 'at once' || message.fate === undefined) return;
					const answer = deferred();
					model.pending.push({ answer, replayed });
					return answer.promise;
				};
				const one = shedder.wrap(handler, { name: 'one' });
				const many = shedder.wrapBatch((...parts: Parameters<typeof handler>) => handler(...parts), { name: 'many' });
				const real: Real = {
					made,
					shedder,
					store,
					before: shedder.stats(),
					setIntake(trouble) {
						intakeTrouble = trouble;
					},
					replaceTiers(which) {
						registry.replace(registryTiers[which] as (typeof registryTiers)[number]);
					},
					offer(messages, batch) {
						if (batch) {
							const isProtected = messages.map((message) => shedder.decide(message).priority === 'critical');
							model.protectedOutcomes.push(
								many(messages).then(
									(outcomes) =>
										outcomes.filter((_, i) => isProtected[i]).find(({ action }) => action !== 'process')?.action ??
										'process',
									() => 'failed',
								),
							);
							return;
						}
						for (const message of messages) {
							const isProtected = shedder.decide(message).priority === 'critical';
							const outcome = one(message).then(
								({ action }) => action,
								() => 'failed',
							);
							if (isProtected) model.protectedOutcomes.push(outcome);
						}
					},
				};
				await made.at(from);
				real.before = shedder.stats();
				if (start) shedder.start();
				await fc.asyncModelRun(() => ({ model, real }), script);

				// Everything comes to its end: the outside works again, handlers answer, the load is gone.
				for (const operation of OPERATIONS) delete store.trouble[operation];
				intakeTrouble = 'works';
				made.setLoad(0);
				if (!model.stopped) shedder.start();
				for (let i = 0; i < 40; i++) {
					for (const { answer } of model.pending.splice(0)) answer.resolve();
					await clock.advance(1_000);
				}
				const stopping = shedder.stop();
				for (let i = 0; i < 40; i++) {
					for (const { answer } of model.pending.splice(0)) answer.resolve();
					await clock.advance(1_000);
				}
				await stopping;
				expect(clock.timers).toBe(0);
				const stats = shedder.stats();
				expect(imbalance(stats)).toBe(0);
				expect(stats.inFlight).toBe(0);
				expect(stats.protectedShed).toBe(0);
				for (const outcome of await Promise.all(model.protectedOutcomes))
					expect(['process', 'failed']).toContain(outcome);
				for (const { priority, action, n } of stats.decisions)
					if (priority === 'critical' && n > 0) expect(action).toBe('process');
				for (const batch of store.appends)
					for (const { headers } of batch) expect(headers?.priority).not.toBe('critical');
				// What waits is what the store holds, once it was opened.
				if (!model.stopped || stats.recovered > 0) expect(stats.waiting).toBe((await inner.stats()).records);
			}),
			slow,
		);
	});
});
