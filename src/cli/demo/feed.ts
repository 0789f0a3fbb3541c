/** A message of the feed: a trade, or a correction of reference data. */
export interface Message {
	readonly symbol: string;
	readonly kind: 'trade' | 'reference';
}

const TOP = 'BHP CBA CSL NAB WBC ANZ WES MQG RIO TLS'.split(' ');
const NEXT = 'REA QAN BXB ORG JHX CPU SHL ASX IAG APA'.split(' ');
const OTHERS = 'ZIP XRO PDN LTR BRN WTC PME SYR NVX TLX'.split(' ');

/** What arrives: 50 % top symbols, 20 % of the next ones, 10 % of all others, and 20 % reference data of any symbol. */
const MIX: readonly (readonly [upTo: number, symbols: readonly string[], kind: Message['kind']])[] = [
	[0.5, TOP, 'trade'],
	[0.7, NEXT, 'trade'],
	[0.8, OTHERS, 'trade'],
	[1, [...TOP, ...NEXT, ...OTHERS], 'reference'],
];

/** One message of each priority, most important first, and who it stands for. */
export const SAMPLES: readonly { readonly who: string; readonly message: Message }[] = [
	{ who: 'tier 1, top symbols', message: { symbol: 'BHP', kind: 'trade' } },
	{ who: 'tier 2, the next', message: { symbol: 'REA', kind: 'trade' } },
	{ who: 'tier 3, all others', message: { symbol: 'XRO', kind: 'trade' } },
	{ who: 'reference data', message: { symbol: 'BHP', kind: 'reference' } },
];

/** How the shedder tells messages apart: by the tier of their symbol, and reference data is `low` for every tier. */
export const classification = {
	keyOf: ({ symbol }: Message) => symbol,
	priorityOf: ({ kind }: Message) => (kind === 'reference' ? 'low' : undefined),
} as const;

/** @param random  numbers in [0, 1). */
export function nextMessage(random: () => number): Message {
	const draw = random();
	const [, symbols, kind] = MIX.find(([upTo]) => draw < upTo) as (typeof MIX)[number];
	return { symbol: symbols[Math.floor(random() * symbols.length)] as string, kind };
}

/** mulberry32: small, seeded, good enough for arrivals. @returns numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
	};
}
