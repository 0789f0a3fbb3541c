import type { LadderSpec } from '../core/spec.js';
import type { Observable } from '../ports/observable.js';

/** What the page shows, and may be allowed to steer: any shedder. */
export interface Steerable extends Observable {
	readonly ladder: { readonly spec: LadderSpec<string, string, string, string, string> };
	/** @throws ConfigError when the override cannot be. */
	override(override: never): () => void;
}
