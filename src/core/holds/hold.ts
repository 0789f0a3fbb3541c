import type { Moment } from '../moment.js';
import type { Hold, LadderState } from '../state.js';

/** What a recovery depends on: before the sample, or after it for the report. */
export type Standing = Pick<LadderState, 'automatic' | 'calmMs' | 'backoff' | 'heldMs'>;

/** Whether recovery to the level `target` is held, where nothing holds the one above it; why, and until when. */
export type HoldRule = (moment: Moment, now: Standing, target: number) => Hold | null;

/** What else people are told of the state after the sample. It holds nothing. */
export type ReportRule = (moment: Moment, now: LadderState) => Hold | null;
