import { createLoadShedder, defineLadder, marketDataLadder, marketDataTiers, messageAge } from '../../src/index.js';

/** A record as a broker's client hands it over. */
export interface Message {
	readonly key: string;
	/** JSON of a trade, about 130 characters. */
	readonly value: string;
	/** Epoch ms. */
	readonly timestamp: number;
}

const SYMBOLS = 'BHP CBA CSL NAB WBC REA QAN BXB ORG JHX A2M BOE CDA DTR EVT FLT GQG HUB IEL JIN'.split(' ');
const RING = 1024;

/** Messages of all tiers, in an order that is mixed but always the same: the next one at each call. */
export function messages(): () => Message {
	const ring = Array.from({ length: RING }, (_, i): Message => {
		const symbol = SYMBOLS[(i * 7919) % SYMBOLS.length] as string;
		const timestamp = Date.now() - (i % 100);
		const trade = { type: 'trade', id: `T${i}`, symbol, venue: 'ASX', price: 10 + (i % 50) / 100, size: 100 + i };
		const value = JSON.stringify({ ...trade, side: i % 2 === 0 ? 'buy' : 'sell', conditions: ['XT'], at: timestamp });
		return { key: symbol, value, timestamp };
	});
	let next = 0;
	return () => ring[next++ % RING] as Message;
}

export const keyOf = (message: Message): string => message.key;

const gradualLadder = defineLadder({ ...marketDataLadder.spec, gradual: true });

/** A shedder of the market-data preset that has climbed as high as this lag takes it. */
export async function shedderAt(lag: number, { gradual = false } = {}) {
	const shedder = createLoadShedder({
		ladder: gradual ? gradualLadder : marketDataLadder,
		signals: { lag: () => lag, heap: () => 0.3 },
		tiers: marketDataTiers,
		keyOf,
	});
	while ((await shedder.check()) !== null);
	return shedder;
}

/** A shedder at the first level that looks at the age of every message. */
export function agingShedder() {
	return createLoadShedder({
		ladder: marketDataLadder,
		signals: { lag: messageAge(), heap: () => 0.3 },
		tiers: marketDataTiers,
		keyOf,
		timeOf: (message: Message) => message.timestamp,
	});
}
