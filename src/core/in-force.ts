import type { Compiled } from './compile.js';
import type { Sample } from './state.js';

/** The level in force over an automatic one: an override lifts it to its floor and keeps it under its ceiling (rule R10). */
export function inForce({ spec }: Compiled, override: Sample['override'], automatic: number): number {
	if (override === undefined) return automatic;
	const floor = spec.levels.findIndex((level) => level.name === override.floor);
	const ceiling = spec.levels.findIndex((level) => level.name === override.ceiling);
	return ceiling < 0 ? Math.max(automatic, floor) : Math.min(Math.max(automatic, floor), ceiling);
}

/**
 * The severity that gradual treatment follows: what the floor of an override gives up is given up wholly, whatever the
 * readings say and wherever the automatic level stands (rules D8 and R10). A ceiling needs nothing: the level is the cap.
 */
export function severityInForce({ spec }: Compiled, override: Sample['override'], severity: number): number {
	const floor = override === undefined ? 0 : spec.levels.findIndex((level) => level.name === override.floor);
	return floor > 0 ? Math.max(severity, floor + 1) : severity;
}
