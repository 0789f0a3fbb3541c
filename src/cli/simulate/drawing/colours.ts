import type { Ladder } from '../../../index.js';

export const INK = '#1f2937';
export const PALE = '#6b7280';

/** From mild to severe: of a surface, and of a line on white. */
const FILLS = ['#fde68a', '#fdba74', '#f87171', '#991b1b'];
const LINES = ['#b7791f', '#dd6b20', '#dc2626', '#7f1d1d'];
const CALM = '#cfe3d4';

export function fillOf({ levels }: Ladder, level: number): string {
	return level === 0 ? CALM : shade(FILLS, level, levels.length);
}

export function lineOf({ levels }: Ladder, level: number): string {
	return shade(LINES, level, levels.length);
}

/** Level 1 is the mildest shade, the last level the darkest, whatever their number. */
function shade(shades: readonly string[], level: number, levels: number): string {
	const last = shades.length - 1;
	const at = levels - 1 <= last ? level - 1 : Math.round(((level - 1) / (levels - 2)) * last);
	return shades[Math.min(last, at)] as string;
}
