/** Two levels, and nothing against flapping: entered at a threshold, left 1 % below it. */
export const bare = {
	priorities: { protected: 'critical', sheddable: ['normal'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.99, fallsWhilePaused: false } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'LEAN', enterAt: { lag: 1_000 }, disable: ['enrichment'] },
		{ name: 'ESSENTIAL', enterAt: { lag: 5_000 }, shed: { normal: 'spill' } },
	],
	cooldownMs: 0,
	backoff: false,
};
/** Left at half the threshold. */
export const released = { ...bare, signals: { lag: { ...bare.signals.lag, recoverBelow: 0.5 } } };
/** And only after 30 s below that, unbroken. */
export const cooled = { ...released, cooldownMs: 30_000 };
/** And a flap makes these 30 s longer: the default. */
export const backedOff = { ...cooled, backoff: undefined };
/** And a level is a cap: below it, as much is given up as it takes. */
export const gradual = { ...backedOff, gradual: true };
