/**
 * Structured logs with pino: one line for each transition, override, pause and run of drops, and failures without a flood.
 *
 *     npx tsx examples/pino.ts
 *     npx tsx examples/pino.ts | npx pino-pretty
 */
import { type Logger, pino } from 'pino';
import {
	createLoadShedder,
	type Emitter,
	type Failure,
	marketDataLadder,
	marketDataTiers,
	type ShedderEvents,
} from '../src/index.js';

const QUIET_MS = 60_000;
const KINDS_MAX = 100;

/** Logs what a shedder tells. None of it is about single messages, so there is little of it, except when something fails. */
export function logEvents(shedder: Emitter<ShedderEvents<string, string, string>>, log: Logger): void {
	shedder
		.on('transitioned', ({ from, to, direction, why, causes }) =>
			log[direction === 'escalate' ? 'warn' : 'info']({ from, to, why, causes }, `degradation: ${from} -> ${to}`),
		)
		.on('intakeChanged', ({ paused, probing }) =>
			log[paused ? 'warn' : 'info']({ paused, probing }, paused ? 'intake paused' : 'intake open'),
		)
		.on('overridden', (override) => log.warn(override, override.active ? 'override begins' : 'override ends'))
		.on('dropped', ({ firstAtMs, lastAtMs, ...episode }) => {
			const [from, to] = [new Date(firstAtMs), new Date(lastAtMs)];
			log.warn({ ...episode, from, to }, `backfill ${episode.count} messages`);
		})
		.on('tiersReplaced', (change) => log.info(change, 'tiers replaced'))
		.on('failed', failures(log));
}

/** Tells the first failure of each kind, and how many there were in the minute after it with the next one. */
function failures(log: Logger): (failure: Failure) => void {
	const kinds = new Map<string, { untilMs: number; suppressed: number }>();
	return ({ during, name, error }) => {
		const kind = `${during} ${name ?? ''}`;
		const known = kinds.get(kind);
		if (known !== undefined && performance.now() < known.untilMs) {
			known.suppressed++;
			return;
		}
		if (kinds.size >= KINDS_MAX) kinds.clear();
		kinds.set(kind, { untilMs: performance.now() + QUIET_MS, suppressed: 0 });
		log.error({ during, name, suppressed: known?.suppressed ?? 0, err: error }, `brownout: ${kind.trim()} failed`);
	};
}

let lag = 0;
const shedder = createLoadShedder({
	ladder: marketDataLadder,
	signals: {
		lag: { read: () => lag, fallsWhilePaused: false },
		heap: () => {
			throw new Error('no reading');
		},
	},
	tiers: marketDataTiers,
	keyOf: (message: { symbol: string }) => message.symbol,
	priorityOf: ({ symbol }) => (symbol.endsWith('.REF') ? 'low' : undefined),
});
// Time as text and the level as a word, for people and for most collectors.
const log = pino({
	base: { service: 'quotes' },
	timestamp: pino.stdTimeFunctions.isoTime,
	formatters: { level: (level) => ({ level }) },
});
logEvents(shedder, log.child({ shedder: 'trades' }));

const handle = shedder.wrap(() => 'done');
for (lag of [0, 150_000, 600_000]) {
	await shedder.check();
	for (let n = 0; n < 5; n++) await handle({ symbol: 'BHP.REF' });
}
shedder.override({ level: 'NORMAL', ttlMs: 60_000, reason: 'drill', actor: 'ann' });
await shedder.stop();
