import type { Snapshot } from '../snapshot.js';
import { byId, list, make, mark, parts, say } from './dom.js';
import { brief, duration, full } from './format.js';
import type { Past } from './past.js';
import type { View } from './view.js';

interface Figure {
	readonly name: string;
	readonly value: string;
	readonly more: string;
	readonly state?: 'good' | 'bad' | undefined;
}

/** The numbers that are looked at first. */
export const figures: View = {
	show(snapshot, _hello, past) {
		list(byId('figures'), figuresOf(snapshot, past), create, (item, { name, value, more, state }) => {
			const [title, number, small] = parts(item) as [HTMLElement, HTMLElement, HTMLElement];
			mark(item, 'data-state', state ?? null);
			say(title, name);
			say(number, value);
			say(small, more);
		});
		say(byId('small'), smallPrint(snapshot));
	},
};

const create = (): HTMLElement => make('div', 'figure', make('dt'), make('dd'), make('dd', 'more'));

function figuresOf(snapshot: Snapshot, past: Past): readonly Figure[] {
	const { protectedShed, offered, inFlight, failed, flaps, checkMs, actions, errors } = snapshot;
	const rates = past.rates.map((column) => column.at(-1) ?? 0);
	const all = rates.reduce((sum, rate) => sum + rate, 0);
	const [processed = 0] = rates;
	const shed = actions.slice(1).reduce((sum, n) => sum + n, 0);
	const mistakes = Object.entries(errors).filter(([, n]) => n > 0);
	const errorCount = mistakes.reduce((sum, [, n]) => sum + n, 0);
	return [
		{
			name: 'Protected shed',
			value: full(protectedShed),
			more: protectedShed === 0 ? 'as it must be' : 'this must never be',
			state: protectedShed === 0 ? 'good' : 'bad',
		},
		{ name: 'Decided', value: `${brief(all)}/s`, more: `${full(offered)} offered` },
		{ name: 'Processed', value: `${brief(processed)}/s`, more: `${full(snapshot.processed)} done` },
		{ name: 'Shed', value: `${brief(all - processed)}/s`, more: `${full(shed)} in all` },
		{ name: 'In flight', value: brief(inFlight), more: `${full(failed)} failed` },
		{ name: 'Flaps', value: full(flaps), more: 'up again within 60 s' },
		{ name: 'Check', value: duration(checkMs), more: 'the last one took' },
		{
			name: 'Errors',
			value: full(errorCount),
			more: mistakes.length === 0 ? 'in no component' : mistakes.map(([name, n]) => `${name} ${full(n)}`).join(', '),
		},
	];
}

const smallPrint = ({ tiersVersion, rejected, dropped }: Snapshot): string =>
	`Tiers version ${tiersVersion} · ${full(rejected)} rejected and ${full(dropped)} dropped since the start`;
