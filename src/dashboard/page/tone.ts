const TONES = 5;

/** The colour of a level, 0 (calm) .. 4 (grave), however many levels there are. The first one alone is calm. */
export function toneOf(level: number, levels: number): number {
	if (level <= 0 || levels < 2) return 0;
	return levels <= 2 ? TONES - 1 : 1 + Math.round(((level - 1) * (TONES - 2)) / (levels - 2));
}

const scheme = matchMedia('(prefers-color-scheme: dark)');
const known = new Map<string, string>();
const probe = document.createElement('span');
probe.hidden = true;

/** What a custom property of the style, such as `--tone-0`, comes to in the scheme in use: a canvas knows no `light-dark()`. */
export function colour(name: string): string {
	const found = known.get(name);
	if (found !== undefined) return found;
	probe.style.color = `var(${name})`;
	document.body.append(probe);
	const { color } = getComputedStyle(probe);
	probe.remove();
	known.set(name, color);
	return color;
}

/** The same, so that what lies behind it shows. */
export const faded = (name: string, alpha: number): string =>
	colour(name).replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

/** Calls back when the system changes from light to dark or back. @returns how to end it. */
export function onScheme(run: () => void): () => void {
	const changed = () => {
		known.clear();
		run();
	};
	scheme.addEventListener('change', changed);
	return () => scheme.removeEventListener('change', changed);
}
