import { describe, expect, it } from 'vitest';
import { createController, defineLadder } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import {
	deferred,
	driver,
	expectNoLeaks,
	isSettled,
	type Level,
	LOAD,
	ladder,
	never,
	recordedIntake,
	settled,
	slow,
	spec,
} from '../control/driver.js';
import { fc } from '../support/property.js';

const { warnings } = expectNoLeaks();

/** A controller that goes where it is told at once. */
function controlled(intake: ReturnType<typeof recordedIntake>['intake'], clock = manualClock(1_000)) {
	const eager = defineLadder({ ...spec, cooldownMs: 0 });
	const load = { now: 0 };
	const controller = createController({ ladder: eager, signals: { load: () => load.now }, intake, clock });
	const failures: string[] = [];
	controller.on('failed', ({ during, error }) => failures.push(`${during}: ${(error as Error).message}`));
	return {
		controller,
		clock,
		failures,
		async at(level: Level) {
			load.now = LOAD[level];
			const check = controller.check();
			await settled();
			return check;
		},
	};
}

describe('intake (M8)', () => {
	it('M8: is paused once and resumed once, however often the ladder is checked', async () => {
		const { intake, calls } = recordedIntake();
		const { at, controller } = controlled(intake);
		await at('AGGRESSIVE');
		expect(calls).toEqual([]);
		expect(controller.accepting).toBe(true);
		for (let i = 0; i < 3; i++) await at('CIRCUIT_BREAK');
		expect(calls).toEqual(['pause']);
		expect(controller.accepting).toBe(false);
		for (let i = 0; i < 3; i++) await at('NORMAL');
		expect(calls).toEqual(['pause', 'resume']);
		expect(controller.accepting).toBe(true);
	});

	it('M8: a pause of the user is not resumed by us, neither by a recovery nor by stop', async () => {
		const { intake, calls, reassign } = recordedIntake();
		const { at, controller } = controlled(intake);
		for (const level of ['AGGRESSIVE', 'NORMAL', 'GRACEFUL', 'NORMAL'] as const) await at(level);
		reassign();
		await controller.stop();
		expect(calls).toEqual([]);
	});

	it('M8: two controllers that share an intake resume it only when both allow', async () => {
		const { intake, calls } = recordedIntake();
		const a = controlled(intake);
		const b = controlled(intake);
		await a.at('CIRCUIT_BREAK');
		await b.at('CIRCUIT_BREAK');
		await a.at('NORMAL');
		expect(calls).toEqual(['pause']);
		expect([a.controller.accepting, b.controller.accepting]).toEqual([true, false]);
		await b.at('NORMAL');
		expect(calls).toEqual(['pause', 'resume']);
	});

	it('M8: a controller that stops while another one pauses the shared intake leaves it paused', async () => {
		const { intake, calls } = recordedIntake();
		const a = controlled(intake);
		const b = controlled(intake);
		await a.at('CIRCUIT_BREAK');
		await b.at('CIRCUIT_BREAK');
		await a.controller.stop();
		expect(calls).toEqual(['pause']);
		await b.controller.stop();
		expect(calls).toEqual(['pause', 'resume']);
	});

	it('M8: a failure of a shared intake is told by the controller whose check met it', async () => {
		const { intake } = recordedIntake(() => Promise.reject(new Error('no broker')));
		const a = controlled(intake);
		const b = controlled(intake);
		await a.controller.stop();
		await b.at('CIRCUIT_BREAK');
		expect(b.failures).not.toEqual([]);
		expect(a.failures).toEqual([]);
	});

	it('M8: a pause that fails is told and tried again at each check until it works', async () => {
		let broken = true;
		const { intake, calls } = recordedIntake(() => (broken ? Promise.reject(new Error('no broker')) : undefined));
		const { at, failures } = controlled(intake);
		await at('CIRCUIT_BREAK');
		const once = calls.length;
		expect(once).toBeGreaterThan(0);
		expect(failures.length).toBe(once);
		expect(failures[0]).toBe('intake: no broker');
		await at('CIRCUIT_BREAK');
		expect(calls.length).toBeGreaterThan(once);
		broken = false;
		await at('CIRCUIT_BREAK');
		const done = calls.length;
		await at('CIRCUIT_BREAK');
		expect(calls.length).toBe(done);
	});

	it('M8: a resume that fails is tried again at the next check', async () => {
		let broken = false;
		const { intake, calls } = recordedIntake((call) => {
			if (call === 'resume' && broken) throw new Error('no broker');
		});
		const { at, failures } = controlled(intake);
		await at('CIRCUIT_BREAK');
		broken = true;
		await at('NORMAL');
		expect(failures[0]).toBe('intake: no broker');
		broken = false;
		await at('NORMAL');
		expect(calls.at(-1)).toBe('resume');
		const done = calls.length;
		await at('NORMAL');
		expect(calls.length).toBe(done);
	});

	it('M8: the pause is asserted again after an assignment change, and only while we want it', async () => {
		const { intake, calls, reassign } = recordedIntake();
		const { at } = controlled(intake);
		reassign();
		await settled();
		expect(calls).toEqual([]);
		await at('CIRCUIT_BREAK');
		reassign();
		await settled();
		expect(calls).toEqual(['pause', 'pause']);
		await at('NORMAL');
		expect(calls).toEqual(['pause', 'pause', 'resume']);
	});

	it('M8: an assignment change while the pause is under way is not forgotten', async () => {
		const pausing = deferred();
		let first = true;
		const { intake, calls, reassign } = recordedIntake(() => {
			if (!first) return undefined;
			first = false;
			return pausing.promise;
		});
		const { at } = controlled(intake);
		const check = at('CIRCUIT_BREAK');
		await settled();
		// The new partitions are unpaused, and the call under way speaks of the old ones.
		reassign();
		pausing.resolve();
		await check;
		await at('CIRCUIT_BREAK');
		expect(calls).toEqual(['pause', 'pause']);
	});

	it('M8: an intake that is assigned anew by being paused is not paused over and over in one check', async () => {
		let listener = () => {};
		let calls = 0;
		const { at, controller } = controlled({
			pause() {
				// Without this the test would never end if it failed.
				if (++calls > 50) throw new Error('no end');
				listener();
			},
			resume() {},
			onAssignmentChange(told) {
				listener = told;
				return () => {};
			},
		});
		await at('CIRCUIT_BREAK');
		expect(calls).toBeLessThanOrEqual(8);
		await at('NORMAL');
		expect(controller.accepting).toBe(true);
	});

	it('M8: a pause that answers too late but took effect is resumed after recovery', async () => {
		const { intake, calls } = recordedIntake((call) => (call === 'pause' ? never() : undefined));
		const { at, clock, failures } = controlled(intake);
		const check = at('CIRCUIT_BREAK');
		await settled();
		await clock.advance(2_000);
		await check;
		expect(failures).toEqual(['intake: intake.pause took longer than 2000 ms']);
		const recovery = at('NORMAL');
		await settled();
		await clock.advance(10_000);
		await recovery;
		expect(calls.at(-1)).toBe('resume');
	});

	it('M6: a pause that hangs holds no check up, and is made once more only when it is taken for lost', async () => {
		const { intake, calls } = recordedIntake(never);
		const { at, clock, controller, failures } = controlled(intake);
		await at('CIRCUIT_BREAK');
		const checksUntil = async (endMs: number) => {
			while (clock.nowMs() < endMs) {
				expect(await isSettled(controller.check())).toBe(true);
				await clock.advance(500);
			}
		};
		await checksUntil(33_000);
		expect(calls).toEqual(['pause']);
		expect(controller.accepting).toBe(false);
		expect(failures).toEqual(['intake: intake.pause took longer than 2000 ms']);
		// It began at 1 000, was given up at 3 000 and is lost at 33 000.
		await checksUntil(60_000);
		expect(calls).toEqual(['pause', 'pause']);
		expect(failures.length).toBe(2);
	});

	it('M8: a pause that works, though too late, is not made again', async () => {
		const pausing = deferred();
		const { intake, calls } = recordedIntake((call) => (call === 'pause' ? pausing.promise : undefined));
		const { at, clock } = controlled(intake);
		await at('CIRCUIT_BREAK');
		await clock.advance(3_000);
		pausing.resolve();
		for (let i = 0; i < 3; i++) await at('CIRCUIT_BREAK');
		await clock.advance(60_000);
		await at('CIRCUIT_BREAK');
		expect(calls).toEqual(['pause']);
		await at('NORMAL');
		expect(calls).toEqual(['pause', 'resume']);
	});

	it('M8: a pause that fails too late is told once and made again at the next check', async () => {
		const pausing = deferred();
		const { intake, calls } = recordedIntake(() => (calls.length === 1 ? pausing.promise : undefined));
		const { at, clock, failures } = controlled(intake);
		await at('CIRCUIT_BREAK');
		await clock.advance(3_000);
		pausing.reject(new Error('no broker'));
		await settled();
		expect(calls).toEqual(['pause']);
		await at('CIRCUIT_BREAK');
		expect(calls).toEqual(['pause', 'pause']);
		expect(failures).toEqual(['intake: intake.pause took longer than 2000 ms']);
	});

	it('M8: a pause that comes back after a recovery, or after the end, is undone without a check', async () => {
		for (const failing of [false, true]) {
			for (const stopped of [false, true]) {
				const pausing = deferred();
				const { intake, calls } = recordedIntake((call) => (call === 'pause' ? pausing.promise : undefined));
				const { at, clock, controller } = controlled(intake);
				await at('CIRCUIT_BREAK');
				await clock.advance(2_000);
				if (stopped) await controller.stop();
				else await at('NORMAL');
				expect(calls).toEqual(['pause', 'resume']);
				if (failing) pausing.reject(new Error('acknowledgement lost'));
				else pausing.resolve();
				await settled();
				expect(calls).toEqual(['pause', 'resume', 'resume']);
			}
		}
	});

	it('M8: an assignment change asks for the pause again, though the last one hangs', async () => {
		for (const afterMs of [1_000, 3_000]) {
			const { intake, calls, reassign } = recordedIntake(() => (calls.length === 1 ? never() : undefined));
			const { at, clock } = controlled(intake);
			await at('CIRCUIT_BREAK');
			await clock.advance(afterMs);
			reassign();
			await clock.advance(3_000 - afterMs);
			await at('CIRCUIT_BREAK');
			expect(calls).toEqual(['pause', 'pause']);
		}
	});

	it('M8: a resume that hangs keeps nobody from resuming after the next pause', async () => {
		const { intake, calls } = recordedIntake(() => (calls.length === 2 ? never() : undefined));
		const { at, clock, controller } = controlled(intake);
		for (const level of ['CIRCUIT_BREAK', 'NORMAL', 'CIRCUIT_BREAK'] as const) {
			await at(level);
			await clock.advance(2_000);
		}
		await controller.stop();
		expect(calls).toEqual(['pause', 'resume', 'pause', 'resume']);
	});

	it('M6: stop gives intake back and ends, though every call hangs', async () => {
		const { intake, calls } = recordedIntake(never);
		const { at, clock, controller } = controlled(intake);
		await at('CIRCUIT_BREAK');
		const stopping = controller.stop();
		await clock.advance(4_000);
		expect(await isSettled(stopping)).toBe(true);
		expect(calls).toEqual(['pause', 'resume']);
		expect(clock.timers).toBe(0);
	});

	it('M8: a pause that was tried and failed is resumed by stop, because nobody knows whether it took effect', async () => {
		const { intake, calls } = recordedIntake((call) =>
			call === 'pause' ? Promise.reject(new Error('acknowledgement lost')) : undefined,
		);
		const { at, controller } = controlled(intake);
		await at('CIRCUIT_BREAK');
		await controller.stop();
		expect(calls.at(-1)).toBe('resume');
	});

	it('M8: a resume that fails at stop is tried again at once, three times in all', async () => {
		for (const failing of [2, 3]) {
			let left = failing;
			const { intake, calls } = recordedIntake((call) =>
				call === 'resume' && left-- > 0 ? Promise.reject(new Error('rebalancing')) : undefined,
			);
			const { at, controller, failures } = controlled(intake);
			await at('CIRCUIT_BREAK');
			await controller.stop();
			expect(calls).toEqual(['pause', 'resume', 'resume', 'resume']);
			expect(failures).toEqual(Array.from({ length: failing }, () => 'intake: rebalancing'));
		}
	});

	it('M8: an override of a level that pauses, ended in the same breath, leaves intake open', async () => {
		const { intake, calls } = recordedIntake();
		const { controller } = controlled(intake);
		const end = controller.override({ level: 'CIRCUIT_BREAK', ttlMs: 1_000, reason: 'a slip' });
		end();
		await settled();
		expect(calls.at(-1)).not.toBe('pause');
	});

	it('M8: nothing pauses intake after stop', async () => {
		const { intake, calls } = recordedIntake();
		const { controller } = controlled(intake);
		await controller.stop();
		for (const late of [
			() => controller.override({ level: 'CIRCUIT_BREAK', ttlMs: 1_000, reason: 'too late' }),
			() => controller.restore({ version: 1, level: 'CIRCUIT_BREAK' }),
		]) {
			try {
				late();
			} catch (error) {
				expect(error).toBeInstanceOf(Error);
			}
		}
		await settled();
		expect(calls.filter((call) => call === 'pause').length).toBe(calls.filter((call) => call === 'resume').length);
	});

	it('M8: without an intake a pausing level only stops accepting, and says so once', async () => {
		const { at, shedder, failures } = driver();
		await at('CIRCUIT_BREAK');
		expect(shedder.accepting).toBe(false);
		expect(failures.map(({ during, error }) => `${during}: ${(error as Error).message}`)).toEqual([
			'intake: level "CIRCUIT_BREAK" pauses intake, but there is no intake to pause: only accepting tells',
		]);
		const end = shedder.override({ level: 'NORMAL', ttlMs: 1_000, reason: 'look again' });
		expect(shedder.accepting).toBe(true);
		end();
		expect(shedder.accepting).toBe(false);
		expect(failures.length).toBe(1);
	});

	it('M8: without an intake and without a listener the warning is written once', async () => {
		const clock = manualClock();
		const controller = createController({ ladder, signals: { load: () => LOAD.CIRCUIT_BREAK }, clock });
		for (let i = 0; i < 3; i++) await controller.check();
		expect(warnings()).toEqual([
			'brownout: intake failed (told once; listen to "failed" for all): Error: level "CIRCUIT_BREAK" pauses intake, but there is no intake to pause: only accepting tells',
		]);
		await controller.stop();
	});

	it('M8: intakeChanged is told with each change and never twice the same', async () => {
		const { intake } = recordedIntake();
		const { at, controller } = controlled(intake);
		const told: boolean[] = [];
		controller.on('intakeChanged', ({ paused }) => told.push(paused));
		for (const level of ['CIRCUIT_BREAK', 'CIRCUIT_BREAK', 'NORMAL', 'SOFT', 'CIRCUIT_BREAK'] as const) await at(level);
		expect(told).toEqual([true, false, true]);
	});

	it('M8: whatever fails, hangs or is assigned anew, once the intake works it does what the controllers want', async () => {
		type Trouble =
			| 'works'
			| 'throws'
			| 'rejects'
			| 'hangs'
			| 'rejects after it took effect'
			| 'hangs after it took effect';
		const trouble = fc.constantFrom<Trouble>(
			'works',
			'throws',
			'rejects',
			'hangs',
			'rejects after it took effect',
			'hangs after it took effect',
		);
		const move = fc.oneof(
			fc.record({ who: fc.nat(1), level: fc.constantFrom<Level>('NORMAL', 'CIRCUIT_BREAK', 'AGGRESSIVE'), trouble }),
			fc.constant('reassigned' as const),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 12 }), async (moves) => {
				const clock = manualClock();
				let paused = false;
				let now: Trouble = 'works';
				const { intake, reassign } = recordedIntake((call) => {
					if (now !== 'throws' && now !== 'rejects' && now !== 'hangs') paused = call === 'pause';
					if (now === 'throws') throw new Error('thrown');
					if (now.startsWith('rejects')) return Promise.reject(new Error('rejected'));
					return now.startsWith('hangs') ? never() : undefined;
				});
				const both = [controlled(intake, clock), controlled(intake, clock)] as const;
				const turn = async (who: number, level: Level) => {
					const check = (both[who] as (typeof both)[number]).at(level);
					await clock.advance(20_000);
					await check;
				};
				const last: Level[] = ['NORMAL', 'NORMAL'];
				for (const step of moves) {
					if (step === 'reassigned') {
						paused = false;
						reassign();
					} else {
						now = step.trouble;
						last[step.who] = step.level;
						await turn(step.who, step.level);
					}
				}
				now = 'works';
				for (const who of [0, 1, 0, 1]) await turn(who, last[who] as Level);
				expect(paused).toBe(both.some(({ controller }) => !controller.accepting));
				for (const { controller } of both) {
					const stopping = controller.stop();
					await clock.advance(20_000);
					await stopping;
				}
				expect(paused).toBe(false);
				expect(clock.timers).toBe(0);
			}),
			slow,
		);
	});
});
