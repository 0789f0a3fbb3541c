// The process that is killed: `tsx consumer.ts <settings as JSON>`. What it does stands in its log, line by line.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createLoadShedder, defineLadder, type Intake, type SignalSource } from '../../../src/index.js';
import { fileSpill } from '../../../src/spill-file/index.js';
import type { Context, Message, Settings, Survivor } from './course.js';

/** So that the ladder, which climbs one level a check, is at its top before a wave is worked off. */
const COST_MS = { lean: 0.3, enriched: 1 };
const CHECK_MS = 50;

const { broker, directory, messages, place } = JSON.parse(process.argv[2] ?? '') as Settings;
const log = openSync(join(directory, 'log'), 'a');
// Synchronous: what is written survives the end of this process.
const note = (kind: string, text: string | number) => writeSync(log, `${kind} ${text}\n`);
note('B', process.pid);

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: messages / 50 }, disable: ['enrichment'] },
		{ name: 'GRACEFUL', enterAt: { lag: messages / 20 }, shed: { low: 'drop' } },
		{ name: 'AGGRESSIVE', enterAt: { lag: messages / 10 }, shed: { high: 'spill', normal: 'spill' } },
		{ name: 'CIRCUIT_BREAK', enterAt: { lag: messages / 4 }, intake: 'paused' },
	],
	cooldownMs: 1_000,
	// However slow the machine is, a probe that takes in anything goes on.
	probe: { afterMs: 500, forMs: 500, minFall: 0.005 },
});

function makeShedder(lag: SignalSource, intake: Intake) {
	const shedder = createLoadShedder({
		ladder,
		signals: { lag },
		intake,
		checkEveryMs: CHECK_MS,
		// The course is about what is lost, not about how fast a replay feels its way.
		capacityPerS: 1_000 / COST_MS.enriched,
		keyOf: ({ key }: Message) => key,
		priorityOf: ({ priority }: Message) => priority,
		spill: fileSpill({ directory: join(directory, 'spill'), maxBytes: 2 ** 30 }),
	});
	shedder.on('transitioned', ({ to }) => note('L', to));
	shedder.on('intakeChanged', ({ paused, probing }) =>
		note('I', `${paused ? 'paused' : 'open'}${probing ? ' probing' : ''}`),
	);
	shedder.on('failed', ({ during, name, error }) => note('E', `${during} ${name}: ${String(error)}`));
	shedder.start();
	const figures = setInterval(() => note('S', JSON.stringify(shedder.stats())), CHECK_MS);
	ends.push(async () => {
		await shedder.stop();
		clearInterval(figures);
		note('S', JSON.stringify(shedder.stats()));
	});
	return shedder;
}

function handle({ n }: Message, { features }: Context): void {
	for (
		const endMs = performance.now() + (features.enrichment ? COST_MS.enriched : COST_MS.lean);
		performance.now() < endMs;
	);
	note('P', n);
}

const ends: (() => Promise<void>)[] = [];
const { survivor } = (await import(`../${broker}/survivor.ts`)) as { readonly survivor: Survivor };
const stop = await survivor.consume(place, makeShedder, handle);
note('R', process.pid);
process.once('SIGTERM', async () => {
	await stop();
	for (const end of ends) await end();
	note('Q', process.pid);
	process.exit();
});
