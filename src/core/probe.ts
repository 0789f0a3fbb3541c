import type { Compiled } from './compile.js';
import { isStale, readingOf, type Sensor } from './sensor.js';

/** How far the search for a way out of a paused intake has come (rule R8). Plain JSON. */
export interface Probe {
	/** Time in the present phase (closed and stuck, or open), ms. */
	readonly phaseMs: number;
	/** How long intake stays closed before the next look, ms. Doubles with each look that brought nothing. */
	readonly afterMs: number;
	/** Readings of the signals under test when the look began, `null` where unknown; empty while closed. */
	readonly base: { readonly [signal: string]: number | null };
}

const NO_BASE = Object.freeze({});
const NO_PROBE = Object.freeze({ probing: false, probe: null });
const AFTER_MS_MAX = 300_000;

/**
 * Moves the probe on by one sample. A paused level that is held only by signals which cannot fall while paused (an
 * unknown one counts as one) is opened for `forMs`; it stays open while they fall by `minFall` a window, or are calm.
 * One that has been calm for its cooldown, and is held only because flaps have lengthened that, is opened until it is
 * asked for again: flaps keep a level up, not a queue waiting.
 *
 * @param calmMs  for how long the level has been calm, ms; `null` when it is not calm now.
 * @returns the probe, and whether intake is open for a look; `null` where the level pauses nothing.
 */
export function advanceProbe(
	ladder: Compiled,
	level: number,
	sensors: readonly Sensor[],
	calmMs: number | null,
	elapsedMs: number,
	before: { readonly probing: boolean; readonly probe: Probe | null },
): { readonly probing: boolean; readonly probe: Probe | null } {
	if (!ladder.pauses[level]) return NO_PROBE;
	const { afterMs, forMs, minFall } = ladder.probe;
	const calm = calmMs !== null;
	if (calm && !before.probing && before.probe !== null) {
		return calmMs < (ladder.cooldownMs[level] as number) ? before : open(0, afterMs);
	}
	const probe = before.probe ?? { phaseMs: 0, afterMs, base: NO_BASE };
	const holding = calm ? [] : holders(ladder, level, sensors);
	const tested = holding.filter((holder) => holder.cannotFall);

	if (!before.probing) {
		const stuck = !calm && tested.length === holding.length;
		const phaseMs = probe.phaseMs + (stuck && before.probe !== null ? elapsedMs : 0);
		return stuck && phaseMs >= probe.afterMs
			? open(0, probe.afterMs, readingsOf(tested))
			: closed(phaseMs, probe.afterMs);
	}
	if (holding.some((holder) => !holder.cannotFall && holder.demands)) return closed(0, probe.afterMs);
	// A signal that was unknown when the look began is measured from its first good reading on.
	const base = readingsOf(tested, probe.base);
	const phaseMs = probe.phaseMs + elapsedMs;
	if (phaseMs < forMs) return open(phaseMs, probe.afterMs, base);
	const fell = tested.every(
		({ name, reading }) => reading !== null && reading <= (own(probe.base, name) ?? 0) * (1 - minFall),
	);
	return fell
		? open(0, afterMs, readingsOf(tested))
		: closed(0, Math.min(probe.afterMs * 2, Math.max(afterMs, AFTER_MS_MAX)));
}

function open(phaseMs: number, afterMs: number, base: Probe['base'] = NO_BASE, probing = true) {
	return { probing, probe: Object.freeze({ phaseMs, afterMs, base: Object.freeze(base) }) };
}

function closed(phaseMs: number, afterMs: number) {
	return open(phaseMs, afterMs, NO_BASE, false);
}

/** A signal that keeps the level from being calm. */
interface Holder {
	readonly name: string;
	/** `null` while unknown. */
	readonly reading: number | null;
	readonly cannotFall: boolean;
	/** It asks for the level now, rather than only keeping it. */
	readonly demands: boolean;
	/** Stale, and the others decide. */
	readonly ignored: boolean;
}

function holders(ladder: Compiled, level: number, sensors: readonly Sensor[]): readonly Holder[] {
	const asked: Holder[] = [];
	ladder.signals.forEach((signal, i) => {
		const sensor = sensors[i] as Sensor;
		const value = readingOf(sensor);
		const stale = isStale(signal, sensor);
		const demanded = stale && signal.staleLevel >= level;
		const { release = 0, enterAt = 0 } = signal.at[level] ?? {};
		if (!demanded && (signal.at[level] === undefined || value < release)) return;
		const unknown = Number.isNaN(value);
		asked.push({
			name: signal.name,
			reading: unknown ? null : value,
			cannotFall: unknown || signal.policy.fallsWhilePaused === false,
			demands: value >= enterAt,
			ignored: stale && !demanded && signal.policy.onStale !== 'hold',
		});
	});
	const deciding = asked.filter((holder) => !holder.ignored);
	return deciding.length > 0 ? deciding : asked;
}

/** @param earlier  readings that count instead, where there are any. */
function readingsOf(holders: readonly Holder[], earlier: Probe['base'] = NO_BASE): Probe['base'] {
	return Object.fromEntries(holders.map(({ name, reading }) => [name, own(earlier, name) ?? reading]));
}

/** A signal may be named `constructor`. */
function own(base: Probe['base'], name: string): number | null {
	return Object.hasOwn(base, name) ? (base[name] ?? null) : null;
}
