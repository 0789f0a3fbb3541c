import type { Hello, Snapshot } from '../snapshot.js';
import { byId, list, make, mark, parts, say } from './dom.js';
import { left } from './format.js';
import { toneOf } from './tone.js';
import type { View } from './view.js';

/** Where the ladder stands, where it is asked to stand, and what keeps it from coming down. */
export const now: View = {
	show(snapshot, hello) {
		const { level, demand, severity, mode } = snapshot;
		const name = nameOf(hello, level);
		mark(byId('now'), 'data-tone', toneOf(level, hello.levels.length));
		say(byId('level'), name);
		say(byId('demand'), `The readings ask for ${nameOf(hello, demand)} · severity ${severity.toFixed(2)}`);
		const intake = byId('intake');
		mark(intake, 'data-state', snapshot.accepting ? (snapshot.probing ? 'probing' : 'open') : 'paused');
		say(intake, intakeOf(snapshot));
		showOverride(snapshot);
		list(byId('holds'), holdsOf(snapshot, hello), () => make('li', '', make('span'), make('b')), fillHold);
		const badge = byId('mode');
		badge.hidden = mode === 'enforce';
		say(badge, mode === 'observe' ? 'observe: nothing is shed' : 'off: nothing is decided');
		document.title = `${name} · ${hello.title}`;
		showIcon(toneOf(level, hello.levels.length));
	},
};

const nameOf = (hello: Hello, level: number): string => hello.levels[level]?.name ?? '–';

const intakeOf = ({ accepting, probing }: Snapshot): string => {
	if (probing) return 'Intake is open for a probe';
	return accepting ? 'Intake is open' : 'Intake is paused';
};

function showOverride({ override }: Snapshot): void {
	const notice = byId('override-now');
	notice.hidden = override === null;
	if (override === null) return;
	const { floor, ceiling, remainingMs, reason, actor } = override;
	const range = floor === ceiling ? `held at ${floor}` : `held from ${floor} to ${ceiling}`;
	say(notice, `Override: ${range} for ${left(remainingMs)} more. ${reason}${actor === null ? '' : ` (${actor})`}`);
}

type Held = readonly [text: string, countdown: string];

/** Each hold in words, and for how long. */
function holdsOf({ holds, level, demand, probing }: Snapshot, hello: Hello): readonly Held[] {
	if (level === 0) return [['Nothing: it stands on the first level', '']];
	const held = holds.map(({ reason, signal, remainingMs }): Held => {
		const hasBegun = reason === 'probe' ? probing : remainingMs !== null;
		const words = WORDS[reason]?.(signal ?? 'a signal', hasBegun) ?? reason;
		return [words, remainingMs === null ? '' : left(remainingMs)];
	});
	if (held.length > 0) return held;
	return [[demand >= level ? `The readings ask for ${nameOf(hello, demand)}` : 'Nothing', '']];
}

const WORDS: Readonly<Record<string, (signal: string, hasBegun: boolean) => string>> = {
	cooldown: (_, hasBegun) =>
		`Cooldown: ${hasBegun ? 'calm, but not for long enough yet' : 'the level is not calm yet'}`,
	unknown: (signal) => `Unknown: ${signal} cannot be read`,
	guard: () => 'Guard: the level below could not carry the load yet',
	probe: (_, hasBegun) => `Probe: intake ${hasBegun ? 'is open' : 'opens'} for a look`,
	override: () => 'Override: a person holds the level',
	spill: () => 'Spill: it is nearly full',
};

function fillHold(item: HTMLElement, [text, countdown]: Held): void {
	const [words, time] = parts(item) as [HTMLElement, HTMLElement];
	say(words, text);
	say(time, countdown);
}

let iconTone: number | undefined;

/** The level's colour in the tab, where a page that nobody looks at can still be seen. */
function showIcon(tone: number): void {
	if (tone === iconTone) return;
	iconTone = tone;
	const fill = ['1a7f4b', 'd29922', 'e0701a', 'd1242f', '8a2bb8'][tone];
	const height = 4 + 3 * tone;
	const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' fill='%23${fill}' opacity='.3'/><rect y='${16 - height}' width='16' height='${height}' rx='3' fill='%23${fill}'/></svg>`;
	mark(byId('icon'), 'href', `data:image/svg+xml,${svg.replaceAll('<', '%3C').replaceAll('>', '%3E')}`);
}
