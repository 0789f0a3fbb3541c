import type { Action } from '../core/spec.js';
import type { Stats } from '../ports/observable.js';

/** What a whole level does, with everything that it inherits from those below it. */
export interface Level {
	readonly name: string;
	readonly pausesIntake: boolean;
	readonly actions: { readonly [priority: string]: Action };
}

/** The levels of the ladder in force, mildest first. */
export function levelsOf({ ladder }: Pick<Stats, 'ladder'>): readonly Level[] {
	const { levels, priorities } = ladder;
	let pausesIntake = false;
	let actions: Level['actions'] = Object.fromEntries(
		[priorities.protected, ...priorities.sheddable].map((priority): [string, Action] => [priority, 'process']),
	);
	return levels.map(({ name, shed = {}, intake }) => {
		const given = Object.entries<Action | undefined>(shed).filter(
			(entry): entry is [string, Action] => entry[1] !== undefined,
		);
		actions = { ...actions, ...Object.fromEntries(given) };
		pausesIntake ||= intake === 'paused';
		return { name, pausesIntake, actions };
	});
}
