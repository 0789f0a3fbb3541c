import type { Stats } from '../../index.js';
import { compact, DONE, seconds } from './format.js';
import { type Colors, label, WIDTH } from './layout.js';
import { type Gauge, type Moment, readingText } from './moment.js';
import { history, scale } from './scale.js';

/** One block of the cooldown's bar. */
const COOLDOWN_BLOCK_MS = 2_000;

/** A moment as lines for the terminal. Pure. */
export function panel(moment: Moment, colors: Colors): string[] {
	return [
		titleLine(moment, colors),
		...scale(moment, colors),
		label('history') + history(moment, colors),
		label('intake') + intake(moment, colors),
		label('features') + features(moment, colors),
		label('recovery') + recovery(moment, colors),
		...priorities(moment, colors),
		label('spill') + spill(moment, colors),
		label('so far') + totals(moment, colors),
	];
}

function titleLine({ title, time }: Moment, { bold, dim }: Colors): string {
	const line = '─'.repeat(Math.max(0, WIDTH - title.length - time.length - 8));
	return `${dim('──')} ${bold(title)} ${dim(`${line} ${time} ──`)}`;
}

function intake({ stats, flow }: Moment, { green, yellow, red, bold }: Colors): string {
	const state = !stats.accepting ? red(bold('closed')) : stats.probing ? yellow('open for a look') : green('open');
	return `${state}   ${compact(flow.arriving)}/s arrive, ${compact(flow.handled)}/s are taken off the queue`;
}

function features({ rows: [first] }: Moment, { green, yellow }: Colors): string {
	const all = Object.entries(first?.decision.features ?? {});
	return all.map(([name, on]) => (on ? green(`${name} on`) : yellow(`${name} off`))).join('   ');
}

/** What holds the ladder up, and for how long. */
function recovery({ stats, nowMs, gauges }: Moment, { dim, bold, yellow }: Colors): string {
	if (stats.levelIndex === 0) return dim('nothing to recover from');
	const texts = stats.holds.map(({ reason, signal, untilMs }) => {
		const leftMs = untilMs === undefined ? Number.NaN : Math.max(0, untilMs - nowMs);
		if (reason !== 'cooldown') return Number.isNaN(leftMs) ? reason : `${reason} ${seconds(leftMs)}`;
		if (!Number.isNaN(leftMs)) {
			const blocks = Math.ceil(leftMs / COOLDOWN_BLOCK_MS);
			return `calm, cooldown ${bold(yellow(`${seconds(leftMs)} ${'■'.repeat(Math.min(blocks, 15))}`))}`;
		}
		const held = stats.signals.find(({ name }) => name === signal);
		const release = held?.thresholds.find(({ level }) => level === stats.level)?.release;
		const gauge = gauges[signal ?? ''];
		return release === undefined || gauge === undefined
			? `held by ${yellow(signal ?? reason)}`
			: `held: ${yellow(gauge.label)} is not below ${bold(gauge.format(release))}`;
	});
	return texts.length === 0 ? 'free' : texts.join(dim(' · '));
}

function priorities({ rows, stats, weight }: Moment, colors: Colors): string[] {
	const columns = ['process', 'spill', 'drop'] as const;
	const paints = { process: colors.green, spill: colors.yellow, reject: colors.magenta, drop: colors.red };
	const cell = (text: string) => text.padStart(9);
	const count = (priority: string, action: string) => {
		const n = stats.decisions.reduce(
			(sum, entry) => sum + (entry.priority === priority && entry.action === action ? entry.n : 0),
			0,
		);
		return cell(n === 0 ? '-' : compact(n * weight));
	};
	const head = `${label('priority')}${'who'.padEnd(21)}${'now'.padEnd(16)}${columns.map((action) => cell(DONE[action])).join('')}`;
	return [
		colors.dim(head),
		...rows.map(({ who, decision: { priority, action, features } }) => {
			const lean = action === 'process' && Object.values(features).includes(false);
			const now = paints[action](`${DONE[action]}${lean ? ', lean' : ''}`.padEnd(16));
			return `${label(priority)}${who.padEnd(21)}${now}${columns.map((column) => count(priority, column)).join('')}`;
		}),
	];
}

function spill({ stats, weight }: Moment, { bold }: Colors): string {
	const { waiting, replayed, replayPerS } = stats;
	const pace = waiting > 0 && replayPerS > 0 ? `, now ${compact(replayPerS * weight)}/s` : '';
	return `${bold(compact(waiting * weight))} waiting, ${compact(replayed * weight)} replayed${pace}`;
}

function totals({ stats, weight }: Moment, { bold, green, red }: Colors): string {
	const { offered, protectedShed } = stats;
	const lost = `${compact(protectedShed * weight)} protected shed`;
	return `${bold(compact(shedOf(stats) * weight))} shed / ${bold(compact(offered * weight))} checked, ${protectedShed === 0 ? green(lost) : red(bold(lost))}`;
}

/** Decisions for anything but processing. */
function shedOf({ decisions }: Stats): number {
	return decisions.reduce((sum, { action, n }) => sum + (action === 'process' ? 0 : n), 0);
}

/** The same moment as one plain line. */
export function statusLine({ time, stats, gauges, weight }: Moment): string {
	const readings = stats.signals.map((signal) => {
		const gauge = gauges[signal.name] as Gauge;
		const { label: text, format } = gauge;
		const own = signal.thresholds.find(({ level }) => level === stats.level);
		return `${text} ${readingText(signal.value, gauge)}${own === undefined ? '' : ` (${format(own.enterAt)}/${format(own.release)})`}`;
	});
	const parts = [
		stats.level,
		readings.join(', '),
		`${compact(shedOf(stats) * weight)} shed / ${compact(stats.offered * weight)} checked`,
		`spill ${compact(stats.waiting * weight)}`,
	];
	if (!stats.accepting) parts.push('intake closed');
	else if (stats.probing) parts.push('probing');
	if (stats.cooldownRemainingMs > 0) parts.push(`cooldown ${seconds(stats.cooldownRemainingMs)}`);
	return `  ${time}  ${parts.join(' | ')}`;
}
