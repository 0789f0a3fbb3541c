import type { Moment } from '../moment.js';
import type { Hold, LadderState } from '../state.js';

/** The state whose recovery is looked at: the one before the sample, or the one after it for the report. */
export type Standing = Pick<LadderState, 'automatic' | 'level' | 'calmMs' | 'backoff' | 'heldMs' | 'probing' | 'probe'>;

/** Whether recovery from where the ladder stands to the level `target` is held; why, and until when. */
export type HoldRule = (moment: Moment, now: Standing, target: number) => Hold | null;
