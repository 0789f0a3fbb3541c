import type { Ladder } from '../../src/core/ladder.js';
import { type Hold, initialState, type Sample, type Transition } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';

/**
 * A story of one ladder. What goes in stands behind `>`; all that comes out is indented:
 *
 *     ladder: market-data
 *     every: 5 s
 *
 *     > 30 s, lag 20k -> 1.2M, heap 0.4        checks for 30 s, lag rising evenly
 *       0:25  NORMAL -> SOFT, because lag 127k >= 100k
 *       0:30  GRACEFUL, demand AGGRESSIVE, severity 3.05
 *     > 10 s, lag ?, heap 0.4                  unknown
 *     > 1 h pass                               the clock only
 *     > override SOFT..GRACEFUL for 60 s       also with one name, or `> override ends`
 *
 * More words behind the readings: `replaying`, `no traffic`, `spill 0.2`, `utilisation 0.95`.
 */
export function play(text: string, ladders: { readonly [name: string]: Ladder }): string {
	const lines = text.split('\n').filter((line) => !line.startsWith('  '));
	const header = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
	const ladder = ladders[header('ladder')];
	if (ladder === undefined) throw new Error(`no ladder is called ${JSON.stringify(header('ladder'))}`);
	const story = createStory(ladder, durationOf(header('every')));
	return lines.flatMap((line) => (line.startsWith('> ') ? [line, ...story.tell(line.slice(2))] : [line])).join('\n');
}

function createStory(ladder: Ladder, everyMs: number) {
	let state = initialState(ladder, 0);
	let atMs = 0;
	let readings: Sample['readings'] = Object.fromEntries(ladder.signals.map((signal) => [signal, Number.NaN]));
	let override: (NonNullable<Sample['override']> & { readonly untilMs: number }) | undefined;

	function check(sample: Omit<Sample, 'atMs'>): readonly string[] {
		if (override !== undefined && override.untilMs <= atMs) override = undefined;
		const before = state;
		const taken = step(ladder, state, { ...sample, atMs, override });
		state = taken.state;
		const told = [
			...(taken.transition === null ? [] : [tell(taken.transition)]),
			...(before.probing === state.probing ? [] : [state.probing ? 'a look: probing' : 'the look ends']),
			...taken.effects.map((effect) => effect.replace('-', ' ')),
			...(before.backoff.flaps === state.backoff.flaps
				? []
				: [`flap ${state.backoff.flaps}: cooldowns x${state.backoff.factor}`]),
		];
		standing = () =>
			[
				`${ladder.levels[state.level]}${state.level === state.automatic ? '' : ` (${ladder.levels[state.automatic]} underneath)`}`,
				`demand ${taken.demand}`,
				`severity ${taken.severity.toFixed(2)}`,
				...taken.holds.map(tellHold),
			].join(', ');
		return told.map((what) => `  ${clock(atMs)}  ${what}`);
	}

	let standing = () => '';

	return {
		tell(command: string): readonly string[] {
			const pass = /^(.+) pass$/.exec(command);
			if (pass !== null) {
				atMs += durationOf(pass[1] as string);
				return [];
			}
			if (command === 'override ends') {
				override = undefined;
				return [];
			}
			const bounds = /^override (\w+)(?:\.\.(\w+))? for (.+)$/.exec(command);
			if (bounds !== null) {
				const [, floor = '', ceiling = floor, ttl = ''] = bounds;
				override = { floor, ceiling, untilMs: atMs + durationOf(ttl) };
				return [];
			}
			const [duration = '', ...words] = command.split(', ');
			const checks = Math.round(durationOf(duration) / everyMs);
			const from = readings;
			const told = Array.from({ length: checks }, (_, i) => {
				atMs += everyMs;
				const share = (i + 1) / checks;
				readings = Object.fromEntries(
					ladder.signals.map((signal) => {
						const word = words.find((each) => each.startsWith(`${signal} `))?.slice(signal.length + 1);
						return [signal, word === undefined ? (from[signal] as number) : readingOf(word, share, i)];
					}),
				);
				const number = (name: string) => words.find((word) => word.startsWith(`${name} `))?.slice(name.length + 1);
				const spillFull = number('spill');
				const utilisation = number('utilisation');
				return check({
					readings,
					replaying: words.includes('replaying'),
					trafficMoves: !words.includes('no traffic'),
					spillFull: spillFull === undefined ? undefined : Number(spillFull),
					utilisation: utilisation === undefined ? undefined : ladder.levels.map(() => Number(utilisation)),
				});
			});
			return [...told.flat(), `  ${clock(atMs)}  ${standing()}`];
		},
	};
}

/** `20k`, `?`, `20k -> 1.2M` (evenly, over the whole time), `0.6 | 0.8` (in turn). */
function readingOf(word: string, share: number, turn: number): number {
	const inTurn = word.split(' | ');
	const [from = '', to] = (inTurn[turn % inTurn.length] as string).split(' -> ');
	return to === undefined ? numberOf(from) : numberOf(from) + (numberOf(to) - numberOf(from)) * share;
}

function numberOf(word: string): number {
	if (word === '?') return Number.NaN;
	const factor = { k: 1e3, M: 1e6 }[word.at(-1) ?? ''] ?? 1;
	const value = Number(factor === 1 ? word : word.slice(0, -1)) * factor;
	if (Number.isNaN(value)) throw new Error(`${JSON.stringify(word)} is no reading`);
	return value;
}

function durationOf(text: string): number {
	const [, amount, unit] = /^([\d.]+) (ms|s|min|h)$/.exec(text) ?? [];
	if (amount === undefined) throw new Error(`${JSON.stringify(text)} is no duration`);
	return Number(amount) * { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'min' | 'h'];
}

function tell({ from, to, why, causes }: Transition): string {
	const because = causes.map(({ signal, reading, threshold }) => {
		if (Number.isNaN(reading)) return `${signal} unknown`;
		return `${signal} ${short(reading)} ${reading < threshold ? '<' : '>='} ${short(threshold)}`;
	});
	return `${from} -> ${to}, ${because.length > 0 && why !== 'stale' ? `because ${because.join(' and ')}` : [why, ...because].join(': ')}`;
}

function tellHold({ reason, untilMs, signal }: Hold): string {
	return `held by ${reason}${signal === undefined ? '' : ` of ${signal}`}${untilMs === undefined ? '' : ` until ${clock(untilMs)}`}`;
}

function short(value: number): string {
	if (value >= 1e6) return `${round(value / 1e6)}M`;
	return value >= 1e3 ? `${round(value / 1e3)}k` : String(round(value));
}

function round(value: number): number {
	return Math.round(value * 1e3) / 1e3;
}

function clock(atMs: number): string {
	const seconds = (atMs % 60_000) / 1_000;
	return `${Math.floor(atMs / 60_000)}:${seconds < 10 ? '0' : ''}${seconds}`;
}
