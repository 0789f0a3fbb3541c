import { decide, type Ladder, type LoadShedder, type Transition } from '../../index.js';
import { DONE, enumerate, seconds } from './format.js';
import { type Gauge, readingText } from './moment.js';
import type { Stage } from './stage.js';

interface Narration {
	readonly stage: Stage;
	readonly gauges: { readonly [signal: string]: Gauge };
	/** The time of the story, `01:23`. */
	readonly time: () => string;
}

/** Tells every step of the ladder and every turn of the intake, with what caused it and what it changes. */
export function narrate<M, N extends string, S extends string, G extends string, R extends string, F extends string>(
	shedder: LoadShedder<M, N, S, G, R, F>,
	{ stage, gauges, time }: Narration,
): void {
	const { red, green, yellow, bold } = stage.colors;
	let flaps = 0;
	shedder.on('transitioned', (transition) => {
		const { from, to, direction } = transition;
		const name = direction === 'escalate' ? red(bold(`▲ ${from} -> ${to}`)) : green(bold(`▼ ${from} -> ${to}`));
		const changes = changesBetween(shedder.ladder, from, to);
		stage.line(`  ${time()}  ${name}  ${becauseOf(transition, gauges)}`);
		if (changes.length > 0) stage.line(`         ${changes.join('; ')}`);
		if (shedder.stats().flaps > flaps) {
			const cooldownMs = shedder.ladder.spec.cooldownMs * (shedder.snapshot().backoff ?? 1);
			stage.line(`         up again soon after a recovery: a flap, so the cooldown is now ${seconds(cooldownMs)}`);
		}
		flaps = shedder.stats().flaps;
	});
	shedder.on('intakeChanged', ({ paused, probing }) => {
		const text = paused
			? red('■ intake closed')
			: probing
				? yellow('▷ intake opened for a look')
				: green('▶ intake open');
		// The step that closes the intake is told first.
		queueMicrotask(() => stage.line(`  ${time()}  ${bold(text)}`));
	});
	shedder.on('failed', ({ during, name = '', error }) => stage.line(`  ${time()}  ${during} ${name} failed: ${error}`));
}

function becauseOf({ direction, causes, why }: Transition, gauges: Narration['gauges']): string {
	if (causes.length === 0) return why;
	const up = direction === 'escalate';
	const texts = causes.map(({ signal, reading, threshold }) => {
		const gauge = gauges[signal] as Gauge;
		return `${gauge.label} ${readingText(reading, gauge)} ${up ? 'reached' : '<'} ${gauge.format(threshold)}`;
	});
	return up ? texts.join(' and ') : `calm: ${texts.join(', ')}`;
}

/** What is different at another level, in words: `enrichment off`, `high and normal spilled`. */
export function changesBetween(ladder: Ladder, from: string, to: string): string[] {
	const cellsAt = (name: string) =>
		ladder.priorities.map((priority) => decide(ladder, ladder.levels.indexOf(name), priority));
	const [before, after] = [cellsAt(from), cellsAt(to)];
	const switched = (on: boolean) =>
		ladder.features.filter((name) => after[0]?.features[name] === on && before[0]?.features[name] !== on);
	const moved = (action: keyof typeof DONE) =>
		after.filter((cell, i) => cell.action === action && before[i]?.action !== action).map(({ priority }) => priority);
	const changes: readonly (readonly [names: readonly string[], became: string])[] = [
		[switched(true), 'on'],
		[switched(false), 'off'],
		...(['process', 'spill', 'reject', 'drop'] as const).map((action) => [moved(action), DONE[action]] as const),
	];
	return changes.filter(([names]) => names.length > 0).map(([names, became]) => `${enumerate(names)} ${became}`);
}
