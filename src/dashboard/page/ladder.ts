import { byId, list, make, mark, parts, say } from './dom.js';
import { toneOf } from './tone.js';
import type { View } from './view.js';

/** The rungs, mildest first, with the one that is in force and the one that the readings ask for. */
export const ladder: View = {
	show({ level, demand }, { levels }) {
		const rungs = levels.map(({ name, changes }, at) => ({ at, name, changes }));
		list(byId('ladder'), rungs, create, (item, { at, name, changes }) => {
			const [text, badges] = parts(item) as [HTMLElement, HTMLElement];
			const [title, what] = parts(text) as [HTMLElement, HTMLElement];
			mark(item, 'data-tone', toneOf(at, levels.length));
			mark(item, 'data-reached', at <= level ? '' : null);
			mark(item, 'aria-current', at === level ? 'step' : null);
			say(title, name);
			say(what, changes === '' ? 'as the level before' : changes);
			const [current, asked] = parts(badges) as [HTMLElement, HTMLElement];
			current.hidden = at !== level;
			asked.hidden = at !== demand;
		});
	},
};

const create = (): HTMLElement =>
	make(
		'li',
		'',
		make('div', '', make('b', 'rung'), make('span', 'what')),
		make('div', 'badges', make('span', 'badge now', 'now'), make('span', 'badge', 'asked')),
	);
