import type uPlot from 'uplot';
import type { Hello, Snapshot } from '../snapshot.js';
import { brief } from './format.js';
import { colour, toneOf } from './tone.js';

type Thresholds = Snapshot['sensors'][number]['thresholds'];

/** The top of a signal's axis: room for its readings and for the next threshold above them, so that one sees how far it is. */
export function topOf(max: number, thresholds: Thresholds): number {
	const next = thresholds.find(({ enterAt }) => enterAt > max);
	return Math.max(max * 1.08, (next?.enterAt ?? 0) * 1.12) || 1;
}

/** Draws where each level is entered (a line) and released (dashes), named where there is room: the levels first. */
export function drawThresholds(thresholds: Thresholds, levels: Hello['levels']): (plot: uPlot, rem: number) => void {
	return (plot, rem) => {
		const { ctx, bbox } = plot;
		const ratio = devicePixelRatio;
		const yOf = (value: number) => Math.round(plot.valToPos(value, 'y', true)) + 0.5;
		const toneOfLevel = (level: number) => colour(`--tone-${toneOf(level, levels.length)}`);
		// From the top down: where it is narrow the gravest levels are named.
		const seen = thresholds.toReversed().filter(({ enterAt }) => enterAt <= (plot.scales.y?.max ?? 0));
		const lines = [
			...seen.map(({ level, enterAt: at }) => ({
				at,
				dash: [],
				tone: toneOfLevel(level),
				words: `${levels[level]?.name} ≥ ${brief(at)}`,
			})),
			...seen.map(({ level, release: at }) => ({
				at,
				dash: [2, 4],
				tone: toneOfLevel(level),
				words: `release < ${brief(at)}`,
			})),
		];
		ctx.save();
		ctx.lineWidth = ratio;
		for (const { at, tone, dash } of lines) {
			const y = yOf(at);
			ctx.strokeStyle = tone;
			ctx.setLineDash(dash.map((length) => length * ratio));
			ctx.beginPath();
			ctx.moveTo(bbox.left, y);
			ctx.lineTo(bbox.left + bbox.width, y);
			ctx.stroke();
		}
		ctx.font = `${0.72 * rem * ratio}px system-ui, sans-serif`;
		ctx.textAlign = 'right';
		ctx.textBaseline = 'bottom';
		ctx.lineJoin = 'round';
		ctx.setLineDash([]);
		ctx.lineWidth = 4 * ratio;
		// On a rim of the card's colour, so that it can be read where it crosses a line.
		ctx.strokeStyle = colour('--card');
		const taken: number[] = [];
		for (const { at, tone, words } of lines) {
			const y = yOf(at);
			if (taken.some((other) => Math.abs(other - y) < rem * ratio)) continue;
			taken.push(y);
			ctx.fillStyle = tone;
			ctx.strokeText(words, bbox.left + bbox.width - 4 * ratio, y - 2 * ratio);
			ctx.fillText(words, bbox.left + bbox.width - 4 * ratio, y - 2 * ratio);
		}
		ctx.restore();
	};
}
