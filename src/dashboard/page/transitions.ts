import type { Hello, Snapshot } from '../snapshot.js';
import { byId, list, make, mark, parts, say } from './dom.js';
import { brief, duration, timeOfDay } from './format.js';
import { toneOf } from './tone.js';
import type { View } from './view.js';

type Transition = Snapshot['transitions'][number];

/** The last moves of the ladder, newest first, and why. */
export const transitions: View = {
	show({ transitions: all, atMs }, hello) {
		list(byId('transitions'), all, create, (row, transition) => fill(row, transition, atMs, hello));
		byId('transitions-none').hidden = all.length > 0;
	},
};

const create = (): HTMLElement =>
	make(
		'tr',
		'',
		make('td', 'when', make('span'), make('small')),
		make('td', '', make('span', 'from'), make('span', 'arrow'), make('span', 'chip')),
		make('td', 'cause'),
	);

function fill(
	row: HTMLElement,
	{ from, to, agoMs, why, rises, causes }: Transition,
	atMs: number,
	{ levels }: Hello,
): void {
	const [when, change, cause] = parts(row) as [HTMLElement, HTMLElement, HTMLElement];
	const [time, ago] = parts(when) as [HTMLElement, HTMLElement];
	const [before, arrow, after] = parts(change) as [HTMLElement, HTMLElement, HTMLElement];
	say(time, timeOfDay(atMs - agoMs));
	say(ago, agoMs < 1_000 ? 'now' : `${duration(agoMs)} ago`);
	say(before, from);
	say(arrow, ' → ');
	say(after, to);
	const at = levels.findIndex(({ name }) => name === to);
	mark(after, 'data-tone', toneOf(at, levels.length));
	say(cause, reasonOf({ why, rises, causes }));
}

/** Such as `lag 600K ≥ 500K`, or `recovered: lag 26K < 50K, heap 0.55 < 0.63`. */
export function reasonOf({ why, rises, causes }: Pick<Transition, 'why' | 'rises' | 'causes'>): string {
	const relation = rises ? '≥' : '<';
	const readings = causes
		.map(({ signal, reading, threshold }) => `${signal} ${brief(reading)} ${relation} ${brief(threshold)}`)
		.join(', ');
	if (why === 'signal') return readings;
	return [why.replace('-', ' '), readings].filter((text) => text !== '').join(': ');
}
