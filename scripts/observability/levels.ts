import { MappingType, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';

/** The levels of the ladders that come with the library and the colour of each, mildest first. */
export const LEVELS = [
	{ name: 'NORMAL', color: 'green' },
	{ name: 'SOFT', color: 'yellow' },
	{ name: 'GRACEFUL', color: 'orange' },
	{ name: 'AGGRESSIVE', color: 'red' },
	{ name: 'CIRCUIT_BREAK', color: 'purple' },
] as const;

/** Writes the index of a level as its name, in its colour. A sixth level is shown as its number. */
export const levelNames: ValueMapping = {
	type: MappingType.ValueToText,
	options: Object.fromEntries(LEVELS.map(({ name, color }, index) => [String(index), { text: name, color, index }])),
};

/** Writes 0 and 1 as words. */
export const states = (zero: string, one: string, color: string): ValueMapping => ({
	type: MappingType.ValueToText,
	options: {
		0: { text: zero, color: 'green', index: 0 },
		1: { text: one, color, index: 1 },
	},
});
