import type { Intake } from '../ports/intake.js';

/**
 * The intake of a server of requests: nothing is to be paused, because the handlers of this entry look at `accepting` at
 * each request. It tells the controller that somebody does.
 */
export function httpIntake(): Intake {
	return { pause() {}, resume() {}, residual: 0 };
}
