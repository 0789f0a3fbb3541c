import { byId, list, make, mark, say } from './dom.js';
import type { View } from './view.js';

const form = () => byId('override') as HTMLFormElement;

/** Sets and ends an override, where the service lets a page do that. */
export const override: View = {
	begin({ levels, overrideMaxMs }) {
		byId('steer').hidden = overrideMaxMs === null;
		if (overrideMaxMs === null) return;
		const { level, minutes } = form().elements as unknown as Readonly<Record<string, HTMLInputElement>>;
		if (level === undefined || minutes === undefined) return;
		list(
			level,
			levels,
			() => make('option'),
			(option, { name }) => {
				say(option, name);
				mark(option, 'value', name);
			},
		);
		minutes.max = String(overrideMaxMs / 60_000);
		if (Number(minutes.value) > Number(minutes.max)) minutes.value = minutes.max;
	},
	show({ override: active }) {
		(byId('override-end') as HTMLButtonElement).disabled = active === null;
	},
};

/** Lets the form do what it says. */
export function enableOverride(): void {
	form().addEventListener('submit', (event) => {
		event.preventDefault();
		const { bound, level, minutes, reason, actor } = values();
		const ttlMs = Number(minutes) * 60_000;
		const wanted = { [bound ?? '']: level, ttlMs, reason, ...(actor ? { actor } : {}) };
		void ask('POST', 'The override is in force.', JSON.stringify(wanted));
	});
	byId('override-end').addEventListener('click', () => void ask('DELETE', 'The override has ended.'));
}

const values = () => Object.fromEntries(new FormData(form())) as Readonly<Record<string, string>>;

async function ask(method: 'POST' | 'DELETE', done: string, body?: string): Promise<void> {
	const answer = byId('override-answer');
	const headers = {
		authorization: `Bearer ${encodeToken(values().token ?? '')}`,
		...(body === undefined ? {} : { 'content-type': 'application/json' }),
	};
	try {
		const response = await fetch('override', { method, headers, ...(body === undefined ? {} : { body }) });
		mark(answer, 'data-state', response.ok ? 'good' : 'bad');
		say(answer, response.ok ? done : await response.text());
	} catch {
		mark(answer, 'data-state', 'bad');
		say(answer, 'The service does not answer.');
	}
}

/** A header holds bytes; a token with other characters is sent as UTF-8, as the service compares it. */
const encodeToken = (token: string): string => String.fromCharCode(...new TextEncoder().encode(token));
