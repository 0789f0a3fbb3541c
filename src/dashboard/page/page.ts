import type { Hello, Snapshot } from '../snapshot.js';
import { Announcer } from './announce.js';
import { charts } from './charts.js';
import { decisions } from './decisions.js';
import { byId, mark, say } from './dom.js';
import { figures } from './figures.js';
import { timeOfDay } from './format.js';
import { ladder } from './ladder.js';
import { now } from './now.js';
import { enableOverride, override } from './override.js';
import { Past } from './past.js';
import { spill } from './spill.js';
import { follow } from './stream.js';
import { transitions } from './transitions.js';
import type { View } from './view.js';

const announcer = new Announcer();
const views: readonly View[] = [now, ladder, override, figures, charts, decisions, spill, transitions, announcer];

// `?theme=dark` for a wall screen whose system is light, and the other way round.
const theme = new URLSearchParams(location.search).get('theme');
if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;

let hello: Hello | undefined;
let past: Past | undefined;
let lastAtMs: number | undefined;
let isLost = false;

enableOverride();
follow({
	hello(said) {
		hello = said;
		past = new Past(said);
		say(byId('title'), said.title);
		for (const view of views) view.begin?.(said, past);
	},
	tick(snapshot: Snapshot) {
		if (hello === undefined || past === undefined) return;
		past.add(snapshot);
		lastAtMs = snapshot.atMs;
		for (const view of views) view.show(snapshot, hello, past);
		if (isLost) announcer.say('link', 'The connection is back.');
		isLost = false;
		showLink('live', `Live ${timeOfDay(snapshot.atMs)}`);
	},
	lost(never) {
		isLost = !never;
		const since = lastAtMs === undefined ? 'Connecting' : `Connection lost: figures of ${timeOfDay(lastAtMs)}`;
		showLink(never ? 'waiting' : 'lost', since);
		if (!never) announcer.say('link', 'The connection is lost. The page tries again by itself.');
	},
});

function showLink(state: 'live' | 'lost' | 'waiting', text: string): void {
	mark(byId('link'), 'data-state', state);
	mark(document.body, 'data-link', state);
	say(byId('link-text'), text);
}
