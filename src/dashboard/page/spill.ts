import type { Snapshot } from '../snapshot.js';
import { byId, list, make, mark, parts, say } from './dom.js';
import { bytes, duration, full } from './format.js';
import type { View } from './view.js';

type Fact = readonly [name: string, value: string, isBad?: boolean];

/** What is kept for later, and how its way back goes. */
export const spill: View = {
	show(snapshot) {
		const facts = factsOf(snapshot);
		list(
			byId('spill'),
			facts,
			() => make('div', '', make('dt'), make('dd')),
			(item, [name, value, isBad]) => {
				const [title, text] = parts(item) as [HTMLElement, HTMLElement];
				mark(item, 'data-state', isBad ? 'bad' : null);
				say(title, name);
				say(text, value);
			},
		);
		byId('spill-none').hidden = facts.length > 0;
	},
};

function factsOf(snapshot: Snapshot): readonly Fact[] {
	const { spill: store, waiting, replayed, replayPerS, replayEtaMs, lost, deadLettered } = snapshot;
	if (store === null) return [];
	const { bytes: used, capacityBytes, oldestAgeMs } = store;
	return [
		['Waiting', full(waiting)],
		['Oldest', oldestAgeMs === null || waiting === 0 ? '–' : duration(oldestAgeMs)],
		['Size', used === null ? 'unknown' : sizeOf(used, capacityBytes)],
		['Replay', replayPerS > 0 && waiting > 0 ? `${full(Math.round(replayPerS))}/s` : 'none now'],
		['Drained in', waiting === 0 ? 'empty' : replayEtaMs === null ? 'unknown' : duration(replayEtaMs)],
		['Replayed', full(replayed)],
		['Dead letters', full(deadLettered), deadLettered > 0],
		['Lost to damage', full(lost), lost > 0],
	];
}

const sizeOf = (used: number, capacity: number | null): string =>
	capacity === null ? bytes(used) : `${bytes(used)}, ${((100 * used) / capacity).toFixed(1)} % of ${bytes(capacity)}`;
