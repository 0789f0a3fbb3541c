/** Every label there is: its possible values, or in words where they come from. A label never holds a key of a message. */
export const LABELS = {
	shedder:
		'the name given when the shedder was attached; missing without a name, or `2`, `3` and so on from the second one without a name on',
	level: 'a level of the ladder',
	from_level: 'a level of the ladder',
	to_level: 'a level of the ladder',
	cause:
		'the first signal that reached its threshold, or `recovered`, `override` (also a reload or a restore), `stale`, `spill_full`',
	signal: 'a signal of the ladder',
	edge: ['enter', 'release'],
	reason: ['cooldown', 'unknown', 'guard', 'probe', 'override', 'spill'],
	action: ['process', 'spill', 'reject', 'drop'],
	priority: 'a priority of the ladder',
	tier: 'a tier in force, or one that was since the start; `all` without tiers',
	outcome: [
		'processed',
		'failed',
		'dropped',
		'rejected',
		'replayed',
		'expired',
		'superseded',
		'duplicate',
		'dead_lettered',
	],
	kind: ['corrupt', 'missing'],
	result: ['ok', 'failed'],
	component: ['signal', 'intake', 'spill', 'replay', 'listener', 'tiers'],
	mode: ['enforce', 'observe', 'off'],
} as const satisfies Readonly<Record<string, string | readonly string[]>>;

export type Label = keyof typeof LABELS;

/** The one label that every metric may have besides its own: which shedder of the process. */
export const SHEDDER = 'shedder';
