import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DiagnosticsMessage, publishDiagnostics } from '../../src/diagnostics/index.js';
import { createLoadShedder, createTierRegistry, type Transition } from '../../src/index.js';
import { driver, ladder, tiers } from '../control/driver.js';

const ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends.splice(0)) end();
	vi.restoreAllMocks();
});

/** What is published on a channel from now on. */
function heard(event: string): DiagnosticsMessage[] {
	const messages: DiagnosticsMessage[] = [];
	const listener = (message: unknown) => void messages.push(message as DiagnosticsMessage);
	subscribe(`brownout:${event}`, listener);
	ends.push(() => unsubscribe(`brownout:${event}`, listener));
	return messages;
}

describe('publishDiagnostics', () => {
	it('publishes each event of a shedder on its channel, with the name of the shedder', async () => {
		const registry = createTierRegistry(tiers);
		const { shedder, at } = driver({ tiers: registry });
		publishDiagnostics(shedder, { name: 'trades' });
		const [transitions, intake, overrides] = ['transitioned', 'intakeChanged', 'overridden'].map(heard);
		const [dropped, replaced] = ['dropped', 'tiersReplaced'].map(heard);
		await at('CIRCUIT_BREAK');
		await shedder.wrap(() => 'done')({ key: 'x', priority: 'low' });
		shedder.override({ level: 'SOFT', ttlMs: 1_000, reason: 'drill', actor: 'ann' });
		registry.replace({ tiers: [], fallback: { name: 'all', priority: 'normal' } });
		await shedder.stop();
		expect(transitions?.[0]?.shedder).toBe('trades');
		expect(transitions?.map(({ event }) => (event as Transition).to)).toEqual(['CIRCUIT_BREAK', 'SOFT']);
		expect(intake?.[0]?.event).toEqual({ paused: true, probing: false });
		expect(overrides?.[0]?.event).toEqual({ active: true, reason: 'drill', actor: 'ann' });
		expect(dropped?.[0]?.event).toMatchObject({ priority: 'low', count: 1 });
		expect(replaced?.[0]?.event).toEqual({ version: 2 });
	});

	it('makes nothing and calls nobody while no one subscribes, and publishes to whoever comes later', async () => {
		const { shedder, at } = driver();
		publishDiagnostics(shedder);
		await at('SOFT');
		const transitions = heard('transitioned');
		await at('GRACEFUL');
		expect(transitions.map(({ event }) => (event as Transition).to)).toEqual(['GRACEFUL']);
	});

	it('does not silence a failure that nobody hears of, and passes it on once somebody does', async () => {
		const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
		const signals = { load: () => Promise.reject(new Error('down')) };
		const [deaf, listening] = ['a', 'b'].map(() =>
			createLoadShedder({ ladder, signals, priorityOf: () => 'high' as const }),
		);
		for (const shedder of [deaf, listening]) if (shedder !== undefined) publishDiagnostics(shedder);
		await deaf?.check();
		expect(warn).toHaveBeenCalledTimes(1);
		const failures = heard('failed');
		await listening?.check();
		expect(warn).toHaveBeenCalledTimes(1);
		expect(failures.map(({ event }) => event)).toEqual([{ during: 'signal', name: 'load', error: new Error('down') }]);
	});

	it('ends when it is detached', async () => {
		const { shedder, at } = driver();
		const { detach } = publishDiagnostics(shedder);
		const transitions = heard('transitioned');
		await at('SOFT');
		detach();
		detach();
		await at('GRACEFUL');
		expect(transitions).toHaveLength(1);
	});

	it('refuses what has no events, and a name that is none', () => {
		expect(() => publishDiagnostics({} as never)).toThrow('shedder: an object must be a shedder: it has no on()');
		expect(() => publishDiagnostics(driver().shedder, { name: '' })).toThrow('name: "" must be 1 to 200 characters');
	});
});
