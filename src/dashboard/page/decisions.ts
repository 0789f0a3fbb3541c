import { ACTIONS, type Snapshot } from '../snapshot.js';
import { byId, list, make, mark, parts, say } from './dom.js';
import { brief, full } from './format.js';
import type { View } from './view.js';

interface Row {
	readonly tier: string;
	readonly priority: string;
	readonly protects: boolean;
	/** In the order of ACTIONS. */
	readonly counts: readonly number[];
}

/** What was decided for whom. */
export const decisions: View = {
	show(snapshot, { priorities }) {
		const rows = rowsOf(snapshot, priorities);
		list(byId('decisions'), rows, create, fill);
		byId('decisions-none').hidden = rows.length > 0;
	},
};

const create = (): HTMLElement => {
	const head = make('th', '', make('span'), make('small'));
	head.scope = 'row';
	return make('tr', '', head, ...ACTIONS.map(() => make('td')));
};

function fill(row: HTMLElement, { tier, priority, protects, counts }: Row): void {
	const [head, ...cells] = parts(row) as [HTMLElement, ...HTMLElement[]];
	const [name, small] = parts(head) as [HTMLElement, HTMLElement];
	say(name, tier);
	say(small, protects ? `${priority}, protected` : priority);
	for (const [i, cell] of cells.entries()) {
		const n = counts[i] ?? 0;
		say(cell, n === 0 ? '–' : brief(n));
		mark(cell, 'title', n === 0 ? null : full(n));
		mark(cell, 'data-action', n === 0 ? null : (ACTIONS[i] ?? null));
		mark(cell, 'data-wrong', protects && i > 0 && n > 0 ? '' : null);
	}
}

/** One row per tier and priority, most important first. */
function rowsOf({ decisions: all }: Snapshot, priorities: readonly string[]): readonly Row[] {
	const rows = new Map<string, { tier: string; priority: string; counts: number[] }>();
	for (const { tier, priority, action, n } of all) {
		const id = JSON.stringify([tier, priority]);
		const row = rows.get(id) ?? { tier, priority, counts: ACTIONS.map(() => 0) };
		const at = ACTIONS.indexOf(action as (typeof ACTIONS)[number]);
		row.counts[at] = (row.counts[at] ?? 0) + n;
		rows.set(id, row);
	}
	return [...rows.values()]
		.filter(({ counts }) => counts.some((n) => n > 0))
		.map((row) => ({ ...row, protects: row.priority === priorities[0] }))
		.sort((a, b) => priorities.indexOf(a.priority) - priorities.indexOf(b.priority) || a.tier.localeCompare(b.tier));
}
