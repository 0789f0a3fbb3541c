import { describe, expect, it, vi } from 'vitest';
import { createController, createLoadShedder, createTierRegistry, defineTiers } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { fc } from '../support/property.js';
import {
	driver,
	expectNoLeaks,
	fails,
	imbalance,
	LOAD,
	ladder,
	type Message,
	recordedIntake,
	settled,
	slow,
	tiers,
	unruly,
} from './driver.js';

const { warnings } = expectNoLeaks();

const bad = () => {
	throw new Error('bad listener');
};

describe('failures beside message handling (M7)', () => {
	it('M7: a listener that throws is counted and told, and the others hear the event', async () => {
		const { shedder, failures, at } = driver();
		const heard = vi.fn();
		shedder.on('transitioned', bad).on('transitioned', heard);
		await at('SOFT');
		expect(heard).toHaveBeenCalledTimes(1);
		expect(failures).toEqual([{ during: 'listener', name: 'transitioned', error: new Error('bad listener') }]);
		expect(shedder.stats().errors.listener).toBe(1);
	});

	it('M7: an async listener that rejects is counted and told like one that throws', async () => {
		const { shedder, failures, at } = driver();
		shedder.on('transitioned', async () => bad());
		await at('SOFT');
		await settled();
		expect(failures.map(({ during, name }) => `${during} ${name}`)).toEqual(['listener transitioned']);
		expect(shedder.stats().errors.listener).toBe(1);
	});

	it('M7: a listener of "failed" that throws is not told to itself, and breaks nothing', async () => {
		const { shedder } = driver({ signals: { load: fails('no reading') } });
		shedder.on('failed', bad);
		await shedder.check();
		await shedder.check();
		expect(shedder.stats().errors).toMatchObject({ signal: 2, listener: 2 });
		expect(warnings().length).toBe(1);
		expect(await shedder.wrap(() => 1)({ key: 'x' })).toEqual({ action: 'process', value: 1 });
	});

	it('M7: an async listener of "failed" that rejects breaks nothing', async () => {
		const { shedder } = driver({ signals: { load: fails('no reading') } });
		shedder.on('failed', async () => bad());
		await shedder.check();
		await settled();
		expect(shedder.stats().errors.listener).toBe(1);
	});

	it('M7: a signal that throws or rejects is told with its name, and the check goes on', async () => {
		for (const read of [bad, fails('bad listener')]) {
			const { shedder, failures } = driver({ signals: { load: read as unknown as () => number } });
			expect(await shedder.check()).toBeNull();
			expect(failures).toEqual([{ during: 'signal', name: 'load', error: new Error('bad listener') }]);
			expect(shedder.stats().signals[0]).toMatchObject({ name: 'load', value: Number.NaN, errors: 1, ageMs: null });
		}
	});

	it('M7: a failure is heard by every shedder of a controller, and counted once', async () => {
		const controller = createController({ ladder, signals: { load: fails('no reading') }, clock: manualClock() });
		const shedders = [0, 1].map(() => createLoadShedder({ controller, keyOf: (m: Message) => m.key, tiers }));
		const heard = shedders.map((shedder) => {
			const listener = vi.fn();
			shedder.on('failed', listener);
			return listener;
		});
		await controller.check();
		for (const listener of heard) expect(listener).toHaveBeenCalledTimes(1);
		for (const shedder of shedders) expect(shedder.stats().errors.signal).toBe(1);
	});

	it('M7: what nobody hears is written once for each kind', async () => {
		let name = 'first';
		const clock = manualClock();
		const controller = createController({
			ladder,
			signals: { load: () => Promise.reject(new Error(name)) },
			intake: recordedIntake(() => Promise.reject(new Error('no broker'))).intake,
			clock,
		});
		controller.override({ level: 'CIRCUIT_BREAK', ttlMs: 60_000, reason: 'test' });
		for (name of ['first', 'second', 'third']) await controller.check();
		expect([...warnings()].sort()).toEqual([
			'brownout: intake failed (told once; listen to "failed" for all): Error: no broker',
			'brownout: signal load failed (told once; listen to "failed" for all): Error: first',
		]);
		await controller.stop();
	});

	it('M7: what one listener of the controller has heard is not written to the console by its shedders', async () => {
		const controller = createController({ ladder, signals: { load: fails('no reading') }, clock: manualClock() });
		createLoadShedder({ controller, keyOf: (m: Message) => m.key, tiers });
		controller.on('failed', () => {});
		await controller.check();
		expect(warnings()).toEqual([]);
	});

	it('M7: a failure that nobody hears is written once, however many shedders share the controller', async () => {
		const controller = createController({ ladder, signals: { load: fails('no reading') }, clock: manualClock() });
		for (let i = 0; i < 3; i++) createLoadShedder({ controller, keyOf: (m: Message) => m.key, tiers });
		await controller.check();
		expect(warnings().length).toBe(1);
	});

	it('M7: who listens twice and leaves once is heard once', async () => {
		const { shedder, at } = driver();
		const twice = vi.fn();
		shedder.on('transitioned', twice).on('transitioned', twice).off('transitioned', twice);
		await at('SOFT');
		expect(twice).toHaveBeenCalledTimes(1);
	});

	it('M7: once hears one event, off hears none, and a listener may leave while it is told', async () => {
		const { shedder, at, clock } = driver();
		const once = vi.fn();
		const gone = vi.fn();
		const leaving = vi.fn(() => {
			shedder.off('transitioned', leaving);
		});
		const staying = vi.fn();
		shedder.once('transitioned', once).on('transitioned', gone).on('transitioned', leaving).on('transitioned', staying);
		shedder.off('transitioned', gone);
		await at('SOFT');
		await at('AGGRESSIVE');
		await clock.advance(1_000);
		expect([once, gone, leaving, staying].map((listener) => listener.mock.calls.length)).toEqual([1, 0, 1, 2]);
	});

	it('listening to what is no event is refused, with the events there are', () => {
		const { shedder } = driver();
		const typo = 'transitionned' as 'transitioned';
		const known = 'transitioned, intakeChanged, overridden, failed';
		for (const listen of [() => shedder.on(typo, () => {}), () => shedder.once(typo, () => {})]) {
			expect(listen).toThrow(
				new TypeError(`event: "transitionned" must be one of ${known}, dropped, replayed, tiersReplaced`),
			);
		}
		expect(() => shedder.controller.on('dropped' as 'failed', () => {})).toThrow(
			new TypeError(`event: "dropped" must be one of ${known}`),
		);
		for (const event of ['transitioned', 'intakeChanged', 'overridden', 'failed', 'dropped', 'replayed'] as const)
			shedder.on(event, () => {});
	});

	it('M7: a registered listener that throws at a tier replacement leaves the new tiers in force', () => {
		const registry = createTierRegistry(tiers);
		const { shedder, failures } = driver({ tiers: registry });
		shedder.on('tiersReplaced', bad);
		const next = defineTiers({ tiers: [], fallback: { name: 'all', priority: 'critical' } });
		registry.replace(next);
		expect(shedder.decide({ key: 'x' }).priority).toBe('critical');
		expect(shedder.stats().tiers).toMatchObject({ version: 2, names: ['all'] });
		expect(failures.map(({ during, name }) => `${during} ${name}`)).toEqual(['listener tiersReplaced']);
	});

	it('M7: everything outside fails at every turn, and protected messages are processed all the same', async () => {
		const event = fc.constantFrom('transitioned', 'intakeChanged', 'overridden', 'failed', 'dropped', 'replayed');
		const moves = fc.array(fc.constantFrom(...Object.keys(LOAD)) as fc.Arbitrary<keyof typeof LOAD>, { maxLength: 8 });
		await fc.assert(
			fc.asyncProperty(fc.uniqueArray(event), moves, fc.boolean(), async (broken, levels, later) => {
				const { store, trouble } = unruly();
				const clock = manualClock();
				for (const operation of ['open', 'append', 'read', 'ack', 'stats', 'close'] as const)
					trouble[operation] = fails(operation);
				let reading = 0;
				let reads = 0;
				const { shedder } = driver({
					clock,
					spill: store,
					intake: recordedIntake(() => (later ? Promise.reject(new Error('no broker')) : bad())).intake,
					// Good and bad in turn, so that the ladder moves at all.
					signals: { load: () => (reads++ % 2 === 0 ? reading : later ? Promise.reject(new Error('gone')) : bad()) },
					timeOf: bad,
				});
				for (const name of broken as 'failed'[]) shedder.on(name, later ? async () => bad() : bad);
				const handle = shedder.wrap((message: Message) => message.n);
				for (const level of levels) {
					reading = LOAD[level];
					for (let i = 0; i < 2; i++) await shedder.check();
					expect(await handle({ key: 'G1', n: 7 })).toEqual({ action: 'process', value: 7 });
					await handle({ key: 'x', n: 8 });
					expect(imbalance(shedder.stats())).toBe(0);
					await clock.advance(100);
				}
				const stopping = shedder.stop();
				await clock.advance(30_000);
				await stopping;
				expect(shedder.stats().protectedShed).toBe(0);
			}),
			slow,
		);
	});
});
