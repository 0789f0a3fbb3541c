import type { Settings } from './subject.js';
import type { Trial } from './trial.js';

/** A case before it knows the store. */
export interface Check {
	readonly name: string;
	/** Which stores it concerns. Default: all. */
	readonly when?: (settings: Settings) => boolean;
	readonly run: (trial: Trial) => Promise<void>;
}

/** Only for stores that keep their records beyond the instance that took them. */
export const persistent = ({ volatile }: Settings): boolean => !volatile;
