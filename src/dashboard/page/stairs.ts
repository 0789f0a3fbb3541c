import type uPlot from 'uplot';
import { colour, toneOf } from './tone.js';

/** Draws the level as stairs, each step in the colour of its level. */
export function drawStairs(levels: number): (plot: uPlot) => void {
	return (plot) => {
		const { ctx, bbox, data } = plot;
		const [times, steps = []] = data;
		const ratio = devicePixelRatio;
		const left = plot.scales.x?.min ?? 0;
		const x = (at: number) => plot.valToPos(Math.max(left, times[at] ?? 0), 'x', true);
		const bottom = bbox.top + bbox.height;
		ctx.save();
		for (let from = 0; from < times.length; ) {
			let to = from + 1;
			while (to < times.length && steps[to] === steps[from]) to++;
			const level = steps[from] ?? 0;
			const end = x(Math.min(to, times.length - 1));
			const start = x(from);
			if (end > bbox.left) {
				const y = plot.valToPos(level, 'y', true);
				ctx.fillStyle = colour(`--tone-${toneOf(level, levels)}`);
				ctx.globalAlpha = 0.22;
				ctx.fillRect(start, y, end - start, bottom - y);
				ctx.globalAlpha = 1;
				ctx.fillRect(start, y - 1.5 * ratio, Math.max(ratio, end - start), 3 * ratio);
			}
			from = to;
		}
		ctx.restore();
	};
}
