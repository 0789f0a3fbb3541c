import { compiled, type Ladder } from './ladder.js';

/** From this share on a spill is nearly full. */
const NEARLY_FULL = 0.98;

/**
 * Whether protected messages that are too old already may be spilled instead of processed (rule D7): from the first level
 * on that spills anything, and never while the spill is nearly full.
 *
 * @param level      the level in force, an index.
 * @param spillFull  0..1.
 */
export function maySkip(ladder: Ladder, level: number, spillFull: number): boolean {
	return level > compiled(ladder).lastUnspilled && spillFull < NEARLY_FULL;
}
