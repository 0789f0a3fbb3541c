import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Stats } from '../../../src/index.js';
import { imbalance } from '../../control/driver.js';
import { until } from '../../support/services.js';
import { type Course, messageOf, type Settings } from './course.js';
import { followLog, type Log } from './log.js';

/** `npm run test:survival` asks for 50 000. */
export const MESSAGES = Number(process.env.SURVIVAL_MESSAGES ?? 5_000);
const CHUNK = 1_000;
/** Without a bound a broker that loses one message would be waited for until the runner gives up, and nobody would know why. */
const WITHIN_MS = 60_000 + 4 * MESSAGES;
const LEVELS = ['SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK', 'NORMAL'];

/**
 * An overload that a consumer survives: everything is produced at once, the consumer is killed in the middle, disturbed later,
 * and left alone. Afterwards nothing is lost, everything protected was handled, and the ladder is back at its first level.
 */
export function survives(course: Course): void {
	it(`survives ${MESSAGES} messages at once, kill -9 and a ${course.disturbance}: nothing is lost`, {
		// Longer than all that is waited for, so that it is this test that says what did not happen, and ends what it started.
		timeout: 6 * WITHIN_MS,
	}, async () => {
		const directory = await mkdtemp(join(tmpdir(), 'brownout-survival-'));
		const { place, produce, disturb, left, destroy } = await course.prepare();
		const settings: Settings = { broker: course.broker, directory, messages: MESSAGES, place };
		const look = followLog(join(directory, 'log'));
		const children: ChildProcess[] = [];
		const start = async () => {
			const child = spawn(
				process.execPath,
				['--import', 'tsx', fileURLToPath(new URL('./consumer.ts', import.meta.url)), JSON.stringify(settings)],
				{ stdio: ['ignore', 'inherit', 'inherit'] },
			);
			children.push(child);
			await until('the consumer is ready', async () => (await look()).ready === children.length, WITHIN_MS);
			return child;
		};
		const seen = async (what: string, fact: (log: Log) => boolean | Promise<boolean>) => {
			try {
				await until(what, async () => fact(await look()), WITHIN_MS);
			} catch (error) {
				const { figures, levels, intake, handled, errors } = await look();
				const where = { handled: handled.size, left: await left(), levels, intake, errors: errors.slice(-5) };
				throw new Error(`${String(error)}\n${JSON.stringify({ ...where, figures: figures.at(-1) }, undefined, 1)}`);
			}
		};
		try {
			const first = await start();
			for (let n = 0; n < MESSAGES; n += CHUNK) {
				await produce(Array.from({ length: Math.min(CHUNK, MESSAGES - n) }, (_, i) => messageOf(n + i)));
			}
			await seen('the consumer spills', ({ figures }) => (figures.at(-1)?.spilled ?? 0) > MESSAGES / 50);
			first.kill('SIGKILL');
			await once(first, 'exit');

			const second = await start();
			// The first one may have been killed while it was paused, and what a broker knows of the lag may be gone with the disturbance.
			await seen(
				'the second consumer works, and intake was opened for a look',
				({ runs, intake }) => (runs[1]?.length ?? 0) > MESSAGES / 50 && intake.includes('open probing'),
			);
			await disturb();
			await seen('everything is over', async ({ figures, levels, handled }) => {
				const now = figures.at(-1);
				if (now === undefined || levels.at(-1) !== 'NORMAL' || now.waiting > 0 || now.inFlight > 0) return false;
				return due().every((n) => handled.has(n)) && (await left()) === 0;
			});
			second.kill('SIGTERM');
			await seen('the second consumer ends', ({ quits }) => quits === 1);
			verify(await look(), course);
		} finally {
			for (const child of children) child.kill('SIGKILL');
			await destroy();
			await rm(directory, { recursive: true, force: true, maxRetries: 5 });
		}
	});
}

/** All that must be handled, whatever happens: only `low` may be dropped. */
const due = () => Array.from({ length: MESSAGES }, (_, n) => n).filter((n) => messageOf(n).priority !== 'low');

function verify({ runs, handled, levels, intake, figures }: Log, { ordered }: Course): void {
	expect(due().filter((n) => !handled.has(n))).toEqual([]);
	expect(LEVELS.filter((level) => !levels.includes(level))).toEqual([]);
	// Lag cannot fall while nothing is taken in: only the probe leads out.
	expect(intake).toContain('open probing');
	expect(levels.at(-1)).toBe('NORMAL');
	for (const stats of figures) expect(stats.protectedShed).toBe(0);
	const last = figures.at(-1) as Stats;
	expect(last).toMatchObject({ waiting: 0, inFlight: 0, failed: 0, deadLettered: 0, lost: 0 });
	expect(imbalance(last)).toBe(0);
	// What is missing was dropped by the rule. The first run's last word is older than its end, so its drops are a lower bound.
	const missing = MESSAGES - handled.size;
	const dropped = figures.reduce((sum, stats) => sum + stats.dropped, 0);
	expect(missing).toBeGreaterThan(0);
	expect(missing).toBeLessThanOrEqual(dropped + MESSAGES / 10);
	if (ordered) for (const run of runs) expect(outOfOrder(run)).toEqual([]);
}

/** Protected messages of a run that came before an earlier one of their key, which had not come yet. */
function outOfOrder(run: readonly number[]): number[] {
	const last = new Map<string, number>();
	const seen = new Set<number>();
	return run.filter((n) => {
		const { key, priority } = messageOf(n);
		// What is delivered again comes again, and that is at least once.
		if (priority !== 'critical' || seen.has(n)) return false;
		seen.add(n);
		const before = last.get(key) ?? -1;
		last.set(key, Math.max(before, n));
		return n < before;
	});
}
