import type { Case, Group } from '../group.js';
import { peer } from '../peers.js';
import { agingShedder, type Message, messages, shedderAt } from './workload.js';

const book = { volume: 0 };

/** The least that a consumer does: it decodes what it got. */
export function handle(message: Message): number {
	book.volume += (JSON.parse(message.value) as { readonly size: number }).size;
	return book.volume;
}

/** The same, and it waits once, for as short a time as there is. */
export async function handleAndWait(message: Message): Promise<number> {
	const volume = handle(message);
	await null;
	return volume;
}

const goal = { ratioMax: 1.25 };

export const syncHandler: Group = {
	title: 'A handler that decodes its message',
	about: '`wrap(handler)`, each call awaited; the floor is the same handler, which returns the outcome itself',
	async cases() {
		const byHand = async (message: Message) => ({ action: 'process', value: handle(message) });
		const wrapped = (await shedderAt(0)).wrap(handle);
		const aged = agingShedder().wrap(handle);
		const [toHand, toWrapped, toAged] = [messages(), messages(), messages()];
		return [
			{ name: 'by hand', run: () => byHand(toHand()) },
			{ name: 'wrap', run: () => wrapped(toWrapped()), goal },
			{ name: 'wrap with timeOf and messageAge', run: () => aged(toAged()), goal },
		];
	},
};

export const asyncHandler: Group = {
	title: 'A handler that decodes its message and waits once',
	about: 'as above, with a handler that returns a promise',
	async cases() {
		const byHand = async (message: Message) => {
			const value = handle(message);
			await null;
			return { action: 'process', value };
		};
		const wrapped = (await shedderAt(0)).wrap(handleAndWait);
		const aged = agingShedder().wrap(handleAndWait);
		const [toHand, toWrapped, toAged] = [messages(), messages(), messages()];
		return [
			{ name: 'by hand', run: () => byHand(toHand()) },
			{ name: 'wrap', run: () => wrapped(toWrapped()), goal },
			{ name: 'wrap with timeOf and messageAge', run: () => aged(toAged()), goal },
		];
	},
};

export const emptyHandler: Group = {
	title: 'Around a handler that does nothing',
	about: 'what each library puts around a call and nothing else: the worst case, for us too',
	async cases() {
		const count = (message: Message) => {
			book.volume += message.timestamp;
			return book.volume;
		};
		const byHand = async (message: Message) => ({ action: 'process', value: count(message) });
		const wrapped = (await shedderAt(0)).wrap(count);
		const [toHand, toWrapped] = [messages(), messages()];
		return [
			{ name: 'by hand', run: () => byHand(toHand()) },
			{ name: 'brownout, wrap', run: () => wrapped(toWrapped()) },
			...(await peersAround(count)),
		];
	},
};

export const waitingHandler: Group = {
	title: 'Around a handler that only waits',
	about: 'the same for a handler that returns a promise: the outcome needs one more',
	async cases() {
		const wait = async (message: Message) => {
			await null;
			return message.timestamp;
		};
		const byHand = async (message: Message) => {
			await null;
			return { action: 'process', value: message.timestamp };
		};
		const wrapped = (await shedderAt(0)).wrap(wait);
		const [toHand, toWrapped] = [messages(), messages()];
		return [
			{ name: 'by hand', run: () => byHand(toHand()) },
			{ name: 'brownout, wrap', run: () => wrapped(toWrapped()) },
		];
	},
};

async function peersAround(handler: (message: Message) => number): Promise<readonly Case[]> {
	const [cockatiel, opossum, pLimit] = [await peer('cockatiel'), await peer('opossum'), await peer('p-limit')];
	if (cockatiel === undefined || opossum === undefined || pLimit === undefined) return [];
	const { ConsecutiveBreaker, handleAll } = cockatiel;
	const circuit = cockatiel.circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) });
	const bulkhead = cockatiel.bulkhead(100, 100);
	const breaker = new opossum.default(handler, { timeout: false });
	const limit = pLimit.default(100);
	const [toCircuit, toBulkhead, toBreaker, toLimit] = [messages(), messages(), messages(), messages()];
	const circuitRun = (message: Message) => circuit.execute(() => handler(message));
	const bulkheadRun = (message: Message) => bulkhead.execute(() => handler(message));
	return [
		{ name: 'cockatiel, circuit breaker', run: () => circuitRun(toCircuit()) },
		{ name: 'cockatiel, bulkhead', run: () => bulkheadRun(toBulkhead()) },
		{ name: 'p-limit', run: () => limit(handler, toLimit()) },
		{ name: 'opossum', run: () => breaker.fire(toBreaker()) },
	];
}
