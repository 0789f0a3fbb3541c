/** How far the treatment may lag behind a falling severity: wobbles smaller than this treat no key differently. */
const PLAY = 0.1;

/**
 * The severity that gradual treatment follows (rule D8): up at once, down with a little play, so that a key is not
 * treated one way and the other in turn.
 */
export function settle(before: number, severity: number): number {
	return Math.max(severity, Math.min(before, severity + PLAY));
}
