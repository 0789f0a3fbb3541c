import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileSpill } from '../../src/spill-file/index.js';
import { randomOf } from './support/random.js';
import { idsOf, temporaryDirectory, waiting } from './support/store.js';

/** `CRASH_ROUNDS=200` is the long run; `CRASH_SEED` plays one again, as far as the moment of a kill can be played again. */
const { CRASH_ROUNDS = '12', CRASH_SEED = String(Math.trunc(Math.random() * 2 ** 31)) } = process.env;
const ROUNDS = Number(CRASH_ROUNDS);

/** Where a process dies by itself, with the most that the call is counted. */
const POINTS: readonly (readonly [string, number])[] = [
	['before log writev', 40],
	['after log writev', 40],
	['before log datasync', 40],
	['after log datasync', 40],
	['roll', 6],
	['before cursor write', 12],
	['after cursor write', 12],
	['before cursor datasync', 4],
	['after cursor datasync', 4],
	['before unlink', 4],
	['after unlink', 4],
	['before directory sync', 6],
	['after directory sync', 6],
];

/** Beside the sources, so that it finds the packages; git ignores this place. */
const place = fileURLToPath(new URL(`../.transcript-victim-${process.pid}`, import.meta.url));
const script = join(place, 'victim.mjs');
beforeAll(() =>
	build({
		entryPoints: [fileURLToPath(new URL('./support/victim.ts', import.meta.url))],
		outfile: script,
		bundle: true,
		packages: 'external',
		format: 'esm',
		target: 'node20',
	}),
);
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** What a process said before it died. */
interface Said {
	readonly kept: readonly number[];
	/** The last acknowledgement that resolved, and the last that was begun. */
	readonly acked: number;
	readonly acking: number;
}

async function victim(args: readonly string[], killAfterMs: number | undefined): Promise<Said> {
	const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
	const exit = once(child, 'exit');
	const output = text(child.stdout);
	// A process whose crash point is never reached must end too.
	const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs ?? 5000);
	const [, signal] = await exit;
	clearTimeout(timer);
	expect(signal).toBe('SIGKILL');
	const lines = (await output).split('\n').slice(0, -1);
	const last = (word: string) => Number(lines.findLast((line) => line.startsWith(`${word} `))?.split(' ')[1] ?? -1);
	const kept = lines.filter((line) => line.startsWith('kept ')).flatMap((line) => line.split(' ').slice(1).map(Number));
	return { kept, acked: last('acked'), acking: last('acking') };
}

describe('a process that is killed', () => {
	it(`has lost nothing that it was promised, in ${ROUNDS} rounds`, { timeout: 60_000 + ROUNDS * 10_000 }, async () => {
		const random = randomOf(Number(CRASH_SEED));
		let survivors = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const directory = join(temporaryDirectory(), 'spill');
			const where = `seed ${CRASH_SEED} round ${round}`;
			const promised: number[] = [];
			let acked = -1;
			let acking = -1;
			let next = 0;
			// Twice, so that recovery is recovered from too. Every other round at a point of its own, else at any moment.
			for (let life = 0; life < 2; life++) {
				const [point, most] = POINTS[Math.floor((round / 2 + life * 7) % POINTS.length)] as [string, number];
				const named = round % 2 === 0;
				const at = named ? [point, String(Math.floor(random() * most))] : [];
				const said = await victim(
					[directory, String(next), String(Math.floor(random() * 2 ** 31)), ...at],
					named ? undefined : 40 + Math.floor(random() * 250),
				);
				promised.push(...said.kept);
				acked = Math.max(acked, said.acked);
				acking = Math.max(acking, said.acking);
				next += 1_000_000;
			}
			const store = fileSpill({ directory, maxBytes: 4_000_000, minFreeBytes: 0 });
			const damage = await store.open();
			const found = await waiting(store);
			const ids = idsOf(found);
			const there = new Set(ids);
			expect(
				promised.filter((id) => id > acking && !there.has(id)),
				where,
			).toEqual([]);
			// Only what was not acknowledged comes again.
			expect(
				ids.filter((id) => id <= acked),
				where,
			).toEqual([]);
			expect(there.size, where).toBe(ids.length);
			for (const key of new Set(found.map((one) => one.key))) {
				const mine = idsOf(found.filter((one) => one.key === key));
				expect(mine, where).toEqual(mine.toSorted((a, b) => a - b));
			}
			for (const { id, payload } of found) {
				const byte = Number(id.slice(3)) % 256;
				expect(
					payload.every((one) => one === byte),
					where,
				).toBe(true);
			}
			expect(damage, where).toMatchObject({ corruptRecords: 0, missingRecords: 0 });
			expect((await store.stats()).damage, where).toMatchObject({ corruptRecords: 0, missingRecords: 0 });
			survivors += ids.length;
			await store.close();
		}
		expect(survivors).toBeGreaterThan(0);
	});

	it('is succeeded by exactly one of several that start at once', { timeout: 60_000 }, async () => {
		for (let round = 0; round < 3; round++) {
			const directory = join(temporaryDirectory(), 'spill');
			await victim([directory, '0', '1', 'after log writev', '3'], undefined);
			const rivals = Array.from({ length: 4 }, () =>
				spawn(process.execPath, [script, directory, '1000000'], { stdio: ['ignore', 'pipe', 'pipe'] }),
			);
			try {
				// Each either opens it and goes on, or is refused and ends.
				const outcomes = await Promise.all(
					rivals.map(async ({ stdout, stderr }) => {
						const refusal = text(stderr);
						const opened = once(stdout, 'data').then(([data]) => String(data).split('\n')[0]);
						return Promise.race([opened, refusal.then((error) => /SPILL_LOCKED/.exec(error)?.[0] ?? error)]);
					}),
				);
				expect(outcomes.toSorted()).toEqual(['SPILL_LOCKED', 'SPILL_LOCKED', 'SPILL_LOCKED', 'open']);
			} finally {
				for (const rival of rivals) rival.kill('SIGKILL');
				await Promise.all(rivals.map(async (rival) => rival.exitCode ?? rival.signalCode ?? once(rival, 'exit')));
			}
		}
	});
});
