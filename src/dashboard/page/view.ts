import type { Hello, Snapshot } from '../snapshot.js';
import type { Past } from './past.js';

/** A part of the page. It is told everything, and shows what is its own. */
export interface View {
	/** The page was opened, or the service has another ladder now. */
	begin?(hello: Hello, past: Past): void;
	show(now: Snapshot, hello: Hello, past: Past): void;
}
