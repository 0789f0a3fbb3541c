/** One line of the code broken on purpose, and the test that has to notice. */
export interface Mutation {
	/** The rule of the design that the line carries out. */
	readonly rule: string;
	readonly file: string;
	/** Text within one line that occurs exactly once in the file. */
	readonly search: string;
	readonly replace: string;
	/** Where the test is, and its whole name. */
	readonly test: { readonly file: string; readonly name: string };
}

/** Every one of these has at least one mutation below. */
export const rules = [
	...['R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10', 'R11'],
	...['D1', 'D2', 'D3', 'D4', 'D5', 'D6', 'D7', 'D8', 'T1', 'T2', 'T3'],
	...['M1', 'M2', 'M3', 'M4', 'M5', 'M6', 'M7', 'M8'],
] as const;

const core = (file: string) => `src/core/${file}.ts`;

/** The mutations of one file, judged by one test file. */
const within =
	(file: string, testFile: string) =>
	(rule: string, search: string, replace: string, name: string): Mutation => ({
		rule,
		file,
		search,
		replace,
		test: { file: testFile, name },
	});

const escalation = 'test/core/escalation.test.ts';
const recovery = 'test/core/recovery.test.ts';
const blind = 'test/core/unknown.test.ts';
const look = 'test/core/probe.test.ts';
const override = 'test/core/override.test.ts';
const define = 'test/core/define.test.ts';
const table = 'test/core/decide.test.ts';
const skipping = 'test/handling/skip.test.ts';
const clocks = 'test/core/clock-difference.test.ts';

export const mutations: readonly Mutation[] = [
	...[
		within(core('skip'), skipping)(
			'D7',
			'return level > compiled(ladder).lastUnspilled && spillFull < NEARLY_FULL;',
			'return spillFull < NEARLY_FULL;',
			'D7: from the first spilling level on, a protected message that is too old is kept and replayed, counted on its own',
		),
		within(core('skip'), skipping)(
			'D7',
			'const NEARLY_FULL = 0.98;',
			'const NEARLY_FULL = 0.99;',
			'D7: never while the spill is nearly full',
		),
		within('src/handling/stats.ts', skipping)(
			'D7',
			'skipped !== true ? n : 0',
			'skipped !== false ? n : 0',
			'D7: from the first spilling level on, a protected message that is too old is kept and replayed, counted on its own',
		),
		within('src/handling/shedder.ts', skipping)(
			'D7',
			'>= skipToLive.afterMs;',
			'>= 0;',
			'D7: from the first spilling level on, a protected message that is too old is kept and replayed, counted on its own',
		),
		within(core('pace'), 'test/core/pace.test.ts')(
			'M3',
			'const CEILING_GROWS = 0.002;',
			'const CEILING_GROWS = 0;',
			'M3: near the pace at which messages began to wait it is felt for slowly, then boldly',
		),
		within(core('clock-difference'), clocks)(
			'R9',
			'const DRIFT_MS = 0.1;',
			'const DRIFT_MS = 1_000;',
			'is hardly moved by an hour of backlog that passes for none, steady or not',
		),
		within(core('clock-difference'), clocks)(
			'R9',
			' && middle - lowestMs <= SPREAD_MS;',
			';',
			'does not begin with a backlog: it is not steady, or too old to be a difference, or lower ages were seen before',
		),
		within(core('clock-difference'), clocks)(
			'R9',
			'quantile(ages, 0.5)',
			'quantile(ages, 0)',
			'is that of most producers: not of one that is far ahead or behind, in every window or in some windows of its own',
		),
		within(core('estimate'), recovery)(
			'R7',
			'Math.min(ageMs, LOOSEN_MAX_MS)',
			'ageMs',
			'R7: a calm loosens the costs at most to a quarter, however long, and the first backlog after it finds them again',
		),
		within(core('queues'), 'test/core/queues.test.ts')(
			'R9',
			'const STILL_MAX_MS = 60_000;',
			'const STILL_MAX_MS = 600_000;',
			'a queue that reads the same for a minute is not believed to be empty, until it moves',
		),
		within(core('queues'), 'test/core/queues.test.ts')(
			'M3',
			'(atBroker(signal) ? accepting : fed(signal.name as S)) &&',
			'',
			'what cannot fall while nothing is taken in delays no replay then',
		),
		within(core('sensor'), blind)(
			'R5',
			'good && reading !== 0 && trafficMoves',
			'good && trafficMoves',
			'R5: a queue that is kept up with reads 0 all the time, and is not stuck',
		),
		within(core('sensor'), blind)(
			'R5',
			'moved || assignedAnew ? 0',
			'moved ? 0',
			'R5: an assignment begins the time anew, also that of a signal that was stuck',
		),
		within('src/control/load.ts', 'test/control/assignment.test.ts')(
			'R7',
			'accepting && !this.#assignedAnew ? offered',
			'accepting ? offered',
			'R7: makes the arrival unknown for one check, also when an override steps the ladder before',
		),
		within(core('moment'), 'test/core/state.test.ts')(
			'M3',
			'const ROOMY = 0.9;',
			'const ROOMY = 1;',
			'M3: they are not where the load would find room with all of them on, and come back where it does',
		),
	],
	...[
		within(core('hysteresis'), escalation)(
			'R1',
			'if (reading < enterAt) break;',
			'if (reading <= enterAt) break;',
			'R1: a reading exactly at its threshold demands the level, the double below it does not',
		),
		within(core('hysteresis'), escalation)(
			'R1',
			'demand = Math.max(demand, Math.floor(severityOf(signal, readings[signal.name as S])));',
			'demand = Math.floor(severityOf(signal, readings[signal.name as S]));',
			'R1: demands the highest level for which any known signal has reached its threshold',
		),
		within(core('hysteresis'), escalation)(
			'R1',
			'width = enterAt - from;',
			'width = enterAt;',
			'R1: the severity interpolates each reading between its own thresholds and is the maximum over the signals',
		),
		within(core('step'), escalation)(
			'R2',
			"return spec.escalation === 'jump' ? demand : from + 1;",
			'return demand;',
			'R2: escalates in the sample that demands it, whatever the cooldown: one level, or straight to the demand',
		),
		within(core('step'), escalation)(
			'R2',
			'const yields = demand > from && sample.replaying === true && before.replay;',
			'const yields = false;',
			'R2: replay yields first: it stops, the ladder waits one sample, then climbs',
		),
		within(core('step'), escalation)(
			'R2',
			'demand <= automatic &&',
			'!yields &&',
			'R2: replay that was stopped does not start again while the climb goes on',
		),
		within(core('hysteresis'), escalation)(
			'R3',
			'(isReading(reading) && reading < threshold.release)',
			'(isReading(reading) && reading <= threshold.release)',
			'R3: a reading exactly at the release threshold is not calm, the double below it is',
		),
		within(core('compile'), escalation)(
			'R3',
			'release: limit * policy.recoverBelow',
			'release: limit',
			'R3: a rung is calm when all signals that have a threshold on it are known and below enterAt x recoverBelow',
		),
		within(core('calm'), escalation)(
			'R3',
			'if (value >= threshold.release ||',
			'if (value > threshold.release ||',
			'R3: what the ladder counts as calm is what isCalm says',
		),
	],
	...[
		within(core('calm'), recovery)(
			'R4',
			"if (verdict === 'no') return null;",
			"if (verdict === 'no') return calmMs;",
			'R4: recovers only after an unbroken cooldown below every release threshold',
		),
		within(core('holds/cooldown'), recovery)(
			'R4',
			'const rung = target + 1;',
			'const rung = now.automatic;',
			'R4: recovers only after an unbroken cooldown below every release threshold',
		),
		within(core('holds/cooldown'), recovery)(
			'R4',
			'return remainingMs > 0 ?',
			'return remainingMs > 1 ?',
			'R4: a calm ladder recovers at the millisecond that its cooldown hold names',
		),
		within(core('compile'), recovery)(
			'R4',
			'level.cooldownMs ?? spec.cooldownMs',
			'spec.cooldownMs',
			'R4: each rung has its own calm-since time and its own cooldown',
		),
		within(core('step'), recovery)(
			'R4',
			"return spec.recovery === 'step' ? Math.max(free, from - 1) : free;",
			'return Math.max(free, from - 1);',
			'R4: AGGRESSIVE goes to NORMAL at once when all is healthy, or level by level',
		),
		within(core('step'), 'test/core/model.test.ts')(
			'R4',
			'calmMs.map((ms, rung) => (ms === null || rung > level ? ms : 0))',
			'calmMs.map((ms, rung) => (ms === null || rung >= level ? ms : 0))',
			'with readings of every kind, overrides, replay and odd clocks',
		),
	],
	...[
		within(core('hysteresis'), blind)(
			'R5',
			'return Number.isFinite(value) && (value as number) >= 0;',
			'return Number.isFinite(value);',
			'R5: NaN, Infinity, a negative number, nothing and other nonsense are one and the same bad reading',
		),
		within(core('calm'), blind)(
			'R5',
			"if (Number.isNaN(value)) verdict = 'unknown';",
			'',
			'R5: is never healthy: no rung is left while a signal of it is unknown and not stale',
		),
		within(core('calm'), blind)(
			'R5',
			"return verdict === 'yes' && !sight.frozen ? calmMs + elapsedMs : calmMs;",
			"return verdict === 'yes' ? calmMs + elapsedMs : calmMs;",
			'R5: freezes the calm: the time does not count, and what counted before still does',
		),
		within(core('moment'), blind)(
			'R5',
			'const last = severityOf(signal, sensor.good ?? 0);',
			'const last = severityOf(signal, readingOf(sensor));',
			'R5: by itself neither escalates nor recovers, and does not relax the severity',
		),
		within(core('sensor'), blind)(
			'R5',
			'ageMs <= (policy.maxAgeMs ?? -1)',
			'ageMs < (policy.maxAgeMs ?? -1)',
			'R5: a bad reading is bridged by the last good one until that is older than maxAgeMs',
		),
		within(core('sensor'), blind)(
			'R5',
			'sensor.unknownMs > signal.staleAfterMs',
			'sensor.unknownMs >= signal.staleAfterMs',
			'R5: unknown for longer than staleAfterMs breaks the calm',
		),
		within(core('calm'), blind)(
			'R5',
			'if (gap || sight.broken || calmMs === null)',
			'if (gap || calmMs === null)',
			'R5: unknown for longer than staleAfterMs breaks the calm',
		),
		within(core('calm'), blind)('R5', 'if (stale) continue;', '', 'R5: ignored by default: the others decide'),
		within(core('calm'), blind)(
			'R5',
			"return asked > 0 && answered === 0 ? 'no' : verdict;",
			'return verdict;',
			'R5: when no signal is left, the level holds',
		),
		within(core('calm'), blind)(
			'R5',
			"(stale && signal.policy.onStale === 'hold')",
			'false',
			"R5: 'hold' never recovers",
		),
		within(core('moment'), blind)(
			'R5',
			'stale = Math.max(stale, signal.staleLevel);',
			'',
			'R5: { atLeast } demands its level, and no more',
		),
		within(core('sensor'), blind)(
			'R5',
			'reading !== 0 && trafficMoves &&',
			'reading !== 0 &&',
			'R5: without traffic a reading may well stay the same',
		),
		within(core('sensor'), blind)(
			'R5',
			'const stuck = sameMs >= stuckAfterMs;',
			'const stuck = sameMs > stuckAfterMs;',
			'R5: the same value for stuckAfterMs while traffic moves is unknown',
		),
	],
	...[
		within(core('backoff'), recovery)(
			'R6',
			'const FLAP_MS = 60_000;',
			'const FLAP_MS = 60_001;',
			'R6: an escalation more than 60 s after a recovery is no flap',
		),
		within(core('backoff'), recovery)(
			'R6',
			'Math.min(now * factor, factorMax())',
			'Math.min(now * factor, 2)',
			'R6: a flap doubles the cooldown, up to its cap',
		),
		within(core('backoff'), recovery)(
			'R6',
			'const now = from === 0 && quietForMs >= quietMs ? 1 : before.factor;',
			'const now = quietForMs >= quietMs ? 1 : before.factor;',
			'R6: a factor that flaps have earned is lost at the first level only',
		),
		within(core('backoff'), recovery)(
			'R6',
			'const quietForMs = from === 0 ? before.quietMs + elapsedMs : 0;',
			'const quietForMs = 0;',
			'R6: the cooldown goes back to its base after quietMs at the first level, not sooner',
		),
		within(core('backoff'), recovery)(
			'R6',
			'return Math.max(baseMs, Math.min(baseMs * factor,',
			'return Math.max(baseMs, Math.min(baseMs * 1,',
			'R6: bounds the transitions of any load',
		),
		within(core('holds/guard'), recovery)(
			'R7',
			'predicted > (options.maxUtilisation ?? 0.9)',
			'predicted >= (options.maxUtilisation ?? 0.9)',
			'R7: holds a recovery to a level that could not carry the load, and says so',
		),
		within(core('holds/guard'), recovery)(
			'R7',
			'moment.sample.utilisation?.[target] ?? Number.NaN',
			'moment.sample.utilisation?.[target] ?? 1',
			'R7: an unknown utilisation holds nothing',
		),
		within(core('holds/one-more-cooldown'), recovery)(
			'R7',
			'- now.heldMs;',
			'',
			'R7: delays a recovery by at most one further cooldown, and recovers when its hold says',
		),
		within(core('step'), recovery)(
			'R7',
			'free.prudent > free.earned ? moment.heldMs : before.heldMs',
			'free.prudent > free.earned ? moment.heldMs : null',
			'R7: an unknown reading now and then does not turn the delay into a refusal',
		),
		within(core('estimate'), recovery)(
			'R7',
			'ageMs > forgetAfterMs',
			'ageMs > forgetAfterMs * 2',
			'R7: forgets what no backlog has confirmed for forgetAfterMs',
		),
		within(core('estimate'), recovery)(
			'R7',
			'arrivalPerS: perS ?? null,',
			'arrivalPerS: perS ?? before.arrivalPerS,',
			'R7: forgets an arrival that has been unknown for forgetAfterMs',
		),
	],
	...[
		within(core('probe'), look)(
			'R8',
			'return stuck && phaseMs >= probe.afterMs',
			'return stuck && phaseMs > probe.afterMs',
			'R8: a paused level that is held only by what cannot fall opens for forMs after afterMs, then waits twice as long',
		),
		within(core('probe'), look)(
			'R8',
			'const AFTER_MS_MAX = 300_000;',
			'const AFTER_MS_MAX = 600_000;',
			'R8: the wait doubles up to 300 s',
		),
		within(core('probe'), look)(
			'R8',
			'* (1 - minFall)',
			'',
			'R8: stays open while what is under test keeps falling by minFall a window, and closes when it does not',
		),
		within(core('probe'), 'test/core/model.test.ts')(
			'R8',
			'const holding = calm ? [] : holders(ladder, level, sensors);',
			'const holding = holders(ladder, level, sensors);',
			'with probes',
		),
		within(core('probe'), look)(
			'R8',
			'cannotFall: unknown || signal.policy.fallsWhilePaused === false,',
			'cannotFall: signal.policy.fallsWhilePaused === false,',
			'R8: an unknown signal counts as one that cannot fall',
		),
		within(core('probe'), look)(
			'R8',
			'const stuck = !calm && tested.length === holding.length;',
			'const stuck = !calm;',
			'R8: while a signal that can fall holds the level, nothing is opened',
		),
		within(core('probe'), look)(
			'R8',
			'if (holding.some((holder) => !holder.cannotFall && holder.demands)) return closed(0, probe.afterMs);',
			'',
			'R8: closes at once when a signal that can fall demands the level, and does not wait longer for it',
		),
		within(core('probe'), look)(
			'R6',
			'return calmMs < (ladder.cooldownMs[level] as number) ? before',
			'return calmMs < Number.POSITIVE_INFINITY ? before',
			'R6: it opens after the level’s own cooldown, whether there is a probe or not',
		),
		within(core('probe'), look)(
			'R6',
			'const fell = tested.every(',
			'const fell = holding.every(',
			'R6: it stays open until memory asks for the pause again, which is no flap',
		),
		within(core('moment'), look)(
			'R8',
			'if (!underTest && sensor.unknownMs === null)',
			'if (sensor.unknownMs === null)',
			'R8: the demand of the signals under test is ignored while it lasts, and only theirs',
		),
		within(core('probe'), look)(
			'R8',
			'const demanded = stale && signal.staleLevel >= level;',
			'const demanded = false;',
			'R8: a stale signal that demands the level without a threshold on it is not taken for one that fell',
		),
		within(core('step'), look)(
			'R8',
			'return pauses[level] === true && !probing;',
			'return pauses[level] === true;',
			'R8: a paused level that is held only by what cannot fall opens for forMs after afterMs, then waits twice as long',
		),
	],
	...[
		within(core('moment'), recovery)(
			'R9',
			'const elapsedMs = Math.max(0, atMs - before.atMs);',
			'const elapsedMs = atMs - before.atMs;',
			'R9: a negative step counts as 0',
		),
		within(core('moment'), recovery)(
			'R9',
			'const atMs = Number.isFinite(sample.atMs) ? sample.atMs : before.atMs;',
			'const atMs = sample.atMs;',
			'R9: a time that is no number counts as no time',
		),
		within(core('calm'), recovery)(
			'R9',
			'const gap = elapsedMs > (ladder.spec.maxGapMs ?? 60_000);',
			'const gap = elapsedMs >= (ladder.spec.maxGapMs ?? 60_000);',
			'R9: after a gap longer than maxGapMs calm starts anew',
		),
		within(core('calm'), recovery)(
			'R9',
			'if (gap || sight.broken || calmMs === null)',
			'if (sight.broken || calmMs === null)',
			'R9: after a gap longer than maxGapMs calm starts anew',
		),
		within(core('in-force'), override)(
			'R10',
			'Math.min(Math.max(automatic, floor), ceiling)',
			'Math.max(automatic, floor)',
			'R10: the level in force is the automatic one between floor and ceiling, in every sample and only while it lasts',
		),
		within(core('step'), override)(
			'R10',
			'const from = before.automatic;',
			'const from = before.level;',
			'R10: the automatic state goes on underneath as if there were no override',
		),
		within(core('step'), override)(
			'D6',
			'const byOverride = inForce(form, sample.override, from) !== before.level;',
			'const byOverride = inForce(form, sample.override, from) === level;',
			'D6: an override that ends while the ladder climbs underneath is not told as a recovery',
		),
		within(core('transition'), override)(
			'D6',
			'signal.thresholds.find(({ level, enterAt }) => level >= rung && reading >= enterAt)',
			'signal.thresholds.find(({ enterAt }) => reading >= enterAt)',
			'D6: names each signal that asks for the new level, with the threshold that it reached',
		),
		within(core('transition'), override)(
			'D6',
			"causesOf(ladder, moment, direction === 'escalate' ? to : from, direction)",
			'causesOf(ladder, moment, to, direction)',
			'D6: names each signal of the level that was left, with its release threshold',
		),
		within(core('holds/index'), override)(
			'D6',
			'const TOLD: readonly (HoldRule | ReportRule)[] = [cooldown, unknown, guard, probe, override, spill];',
			'const TOLD: readonly (HoldRule | ReportRule)[] = [cooldown, unknown, probe, override, spill];',
			'D6: a ladder that does not recover says why',
		),
	],
	...[
		within(core('validate'), define)(
			'R11',
			'!above0(limit) || limit > before.limit,',
			'!above0(limit) || limit >= before.limit,',
			'R11: refuses thresholds that do not rise',
		),
		within(core('validate'), define)(
			'R11',
			'const deadlocks = pauses && !probes && policies.get(signal)?.fallsWhilePaused === false;',
			'const deadlocks = false;',
			'R11: refuses a pausing level that lag could hold for ever, without a probe',
		),
		within(core('validate'), define)(
			'R11',
			"pauses ||= intake === 'paused';",
			"pauses = intake === 'paused';",
			'R11: a pausing level below lag is refused without a probe too, since the levels above inherit the pause',
		),
		within(core('validate'), define)(
			'R11',
			'severity < 0 || severity >= inherited,',
			'true,',
			'R11: refuses a level that is milder than one below',
		),
		within(core('errors'), define)(
			'R11',
			'if (!ok) problems.push(',
			'if (!ok && !problems.length) problems.push(',
			'R11: tells every problem at once, each with its path, in one error',
		),
		within(core('validate'), define)(
			'D2',
			'action >= above,',
			'true,',
			'R11: refuses a more important priority that is treated worse',
		),
		within(core('validate'), define)(
			'D3',
			'else check(p > 0, path, action,',
			'else check(true, path, action,',
			'R11: refuses shedding what is protected',
		),
		within(core('compile'), table)(
			'D1',
			'const known = interned.get(id) ?? Object.freeze(fresh);',
			'const known = Object.freeze(fresh);',
			'D1: the same treatment is the same frozen object, however it is asked for',
		),
		within(core('compile'), table)(
			'D2',
			"shed?.[priority] ?? actions[i - 1]?.[p] ?? 'process'",
			"shed?.[priority] ?? 'process'",
			'D2: a higher level is never milder, in actions and in features',
		),
		within(core('compile'), table)(
			'D3',
			'action: actions[actionOf]?.[p] as Action,',
			'action: actions[actionOf]?.at(p - 1) as Action,',
			'D3: the protected priority is always processed',
		),
		within(core('decide'), table)(
			'D8',
			'position < done - part ? 2',
			'position < done + part ? 2',
			'D8: the share of the keys that a change has reached is the fraction of its part of the way',
		),
		within(core('decide'), table)(
			'D8',
			'part >= 0 && position < done - part ?',
			'part >= 0 && position > done - part ?',
			'D8: monotone in severity: nothing is given back while it rises',
		),
		within(core('decide'), table)(
			'D8',
			'if (!(severity < level + 1))',
			'if (!(severity < level))',
			'D8: the share of the keys that a change has reached is the fraction of its part of the way',
		),
		within(core('compile'), table)(
			'D8',
			'for (let p = priorities.length - 1; p > 0; p--) {',
			'for (let p = 1; p < priorities.length; p++) {',
			'D8: features first, then the least important priority',
		),
		within(core('compile'), table)(
			'D8',
			'let parts = changed ? 1 : 0;',
			'let parts = 0;',
			'D8: the share of the keys that a change has reached is the fraction of its part of the way',
		),
	],
	...[
		within(core('tier-registry'), 'test/tiers/registry.test.ts')(
			'T1',
			'const told = ++version;',
			'const told = version;',
			'takes a spec, compiles it and counts the version up',
		),
		within(core('tier-registry'), 'test/tiers/registry.test.ts')(
			'T1',
			'checkPriorities(next, bindings);',
			'',
			'makes the registry refuse tiers that it could not treat',
		),
		within(core('tiers'), 'test/tiers/tiers.test.ts')(
			'T2',
			'if (!indexOf.has(key)) indexOf.set(key, index);',
			'indexOf.set(key, index);',
			'T2: a key gets the earliest tier that lists it, else the fallback',
		),
		within(core('classify'), 'test/tiers/classify.test.ts')(
			'T3',
			'volumeB - volumeA || (a < b ? -1 : 1)',
			'volumeB - volumeA',
			'T3: the tiers are the ranks between the cuts, whatever the order of the table',
		),
		within('src/handling/shedder.ts', 'test/handling/processing.test.ts')(
			'M1',
			'route.count.n++;',
			'route.count.n += 2;',
			'M1: one decision and one counter a message, D4: its own priority goes before its tier',
		),
		within('src/handling/shedder.ts', 'test/handling/processing.test.ts')(
			'M1',
			'this.#feed.offered(message, this.ledger.inFlight, this.controller.epochMs);',
			'this.#feed.offered(message, this.ledger.inFlight, Date.now());',
			'M1: a message on the processing path reads no system clock and tells nobody',
		),
		within('src/handling/handlers.ts', 'test/handling/processing.test.ts')(
			'M1',
			'return finished(result);',
			'return Promise.resolve(result).then(finished);',
			'M1: a sync handler costs the one promise that carries the outcome, an async one none but its own and that',
		),
		within('src/handling/keep.ts', 'test/handling/skip.test.ts')(
			'D3',
			'|| messages[at]?.route.skipped === true)',
			')',
			'D7: one that cannot be kept is processed, also where others would be handed back',
		),
		within('src/control/controller.ts', 'test/handling/processing.test.ts')(
			'D5',
			'const accepting = !this.paused || observed || this.#stopped;',
			'const accepting = !this.paused || this.#stopped;',
			'D5: intake stays open while all who share a controller observe, and closes once one enforces',
		),
		within('src/handling/router.ts', 'test/handling/processing.test.ts')(
			'D4',
			'const own = priorityOf?.(message);',
			'const own = tier === 0 ? undefined : priorityOf?.(message);',
			'M1: one decision and one counter a message, D4: its own priority goes before its tier',
		),
		within('src/handling/router.ts', 'test/handling/processing.test.ts')(
			'D5',
			'const done = this.#passive ? decideGradually(ladder, rules, 0, priority, 0) : decision;',
			'const done = decision;',
			'D5: where nothing is enforced admit lets everything in, for a caller that acts on it',
		),
		within('src/handling/keep.ts', 'test/handling/spilling.test.ts')(
			'M2',
			'if (some.length > 0) await holdings.append(',
			'if (some.length > 0) void holdings.append(',
			'M2: resolves only when the store says that the record is durable',
		),
		within('src/handling/wrap.ts', 'test/handling/spilling.test.ts')(
			'M2',
			'.then(([kept]) => kept ?? run(desk.lean(route), message));',
			'.then(([kept]) => kept ?? refuse(desk, route));',
			'M2: a handler that throws after the store failed rejects with its own error and is counted as failed',
		),
		within('src/replay/lane.ts', 'test/replay/complete.test.ts')(
			'M3',
			'this.#after = record.cursor;',
			'',
			'M3: a message that was spilled twice under its own id is handled once',
		),
		within('src/replay/replayer.ts', 'test/replay/replay.test.ts')(
			'M3',
			'const CREDIT_MS = 200;',
			'const CREDIT_MS = 20_000;',
			'M3: the time that a slow handler took is not made up for by a burst',
		),
		within('src/replay/lane.ts', 'test/replay/replay.test.ts')(
			'M3',
			'RETRY_MS * 2 ** failures',
			'RETRY_MS',
			'M3: a failing record is tried again in place with back-off, and nothing of its partition overtakes it',
		),
		within('src/replay/replayer.ts', 'test/replay/replay.test.ts')(
			'M3',
			'this.#mayRun = input.mayRun && !input.rising;',
			'this.#mayRun = input.mayRun;',
			'M3: when the demand rises below a level that is still held, the record under way is finished and none follows',
		),
		within('src/replay/lane.ts', 'test/replay/complete.test.ts')(
			'M3',
			'await bury(record, error, entry.attempts);',
			'',
			'M3: a record that has failed as often as replay.attempts goes to the dead letters with its reason, and the rest goes on',
		),
		within('src/replay/window.ts', 'test/replay/complete.test.ts')(
			'M3',
			'const free = ({ record }: Entry) => !this.#busy.has(record.key);',
			'const free = () => true;',
			'M3: with concurrency, records of different keys are handled together, those of one key one after the other',
		),
		within('src/handling/shedder.ts', 'test/replay/fence.test.ts')(
			'M4',
			'return this.#queuesUp(route, message) ? this.router.fenced(route) : route;',
			'return route;',
			'M4: no message of a key overtakes an older one, whatever the load, batches, concurrency and restarts',
		),
		within('src/replay/backlog.ts', 'test/replay/fence.test.ts')(
			'M4',
			'for (const { key } of records) found.add(key);',
			'',
			'M4: no message of a key overtakes an older one, whatever the load, batches, concurrency and restarts',
		),
		within('src/handling/shedder.ts', 'test/replay/fence.test.ts')(
			'M4',
			"if (fence === undefined || done.action !== 'process' || priority === 0) return false;",
			"if (fence === undefined || done.action !== 'process') return false;",
			'M4: until the backlog of an earlier run is counted every sheddable key is held, and reading it is tried again',
		),
		within('src/handling/ledger.ts', 'test/replay/complete.test.ts')(
			'M5',
			'if (!dedupes) ledger.lost += missing;',
			'if (dedupes) ledger.lost += missing;',
			'M5: what the store has lost is told and counted',
		),
		within('src/handling/ledger.ts', 'test/control/model.test.ts')(
			'M5',
			'ledger.inFlight -= kept;',
			'ledger.inFlight -= count;',
			'M5: every message is somewhere after every command, and no protected one is ever shed, kept or handed back',
		),
		within('src/handling/wrap.ts', 'test/handling/spilling.test.ts')(
			'M5',
			"else if (at >= upTo || failure !== undefined) desk.leave(route, 'rejected');",
			'else if (at >= upTo || failure !== undefined) {}',
			'M5: when the handler throws for one of several messages that the store refused, the others are handed back',
		),
		within('src/control/controller.ts', 'test/control/checks.test.ts')(
			'M6',
			'return this.#mutex.runExclusive(() => this.#check());',
			'return this.#check();',
			'M6: are serialised, and each reads every signal once and concurrently',
		),
		within('src/control/reader.ts', 'test/control/checks.test.ts')(
			'M6',
			'if (underWay) return Number.NaN;',
			'',
			'M6: a signal that hangs is given up after 2 s, and what it says later is ignored',
		),
		within('src/control/controller.ts', 'test/control/checks.test.ts')(
			'M6',
			'for (const cancel of cancels) cancel();',
			'cancels[0]?.();',
			'M6: start checks at once and then every checkEveryMs; starting twice is starting once',
		),
		within('src/control/emitter.ts', 'test/control/failures.test.ts')(
			'M7',
			'if (result instanceof Promise) result.catch((error: unknown) => this.#listenerFailed(event, error));',
			'',
			'M7: an async listener that rejects is counted and told like one that throws',
		),
		within('src/control/emitter.ts', 'test/control/failures.test.ts')(
			'M7',
			'if (this.#warned.has(kind)) return;',
			'',
			'M7: what nobody hears is written once for each kind',
		),
		within('src/intake/gate.ts', 'test/intake/gate.test.ts')(
			'M8',
			'gates.set(intake, gate);',
			'',
			'M8: two controllers that share an intake resume it only when both allow',
		),
		within('src/intake/gate.ts', 'test/intake/gate.test.ts')(
			'M8',
			'let closed: boolean | undefined = false;',
			'let closed: boolean | undefined;',
			'M8: a pause of the user is not resumed by us, neither by a recovery nor by stop',
		),
		within('src/control/controller.ts', 'test/control/override.test.ts')(
			'R10',
			'if (active !== undefined && atMs >= active.untilMs) this.#endOverride(active);',
			'',
			'R10: is in force at once, ends by itself at its time and not before, and both can be seen',
		),
		within('src/control/controller.ts', 'test/control/reload.test.ts')(
			'R10',
			'const kept = this.ladder.levels.slice(this.state.automatic).find((name) => next.levels.includes(name));',
			'const kept = this.ladder.levels.find((name) => next.levels.includes(name));',
			'R10: levels are matched by name; a missing one becomes the next stricter that is left, or the strictest',
		),
	],
];
