import type { Group } from '../group.js';
import { agingShedder, type Message, messages, shedderAt } from './workload.js';
import { handle, handleAndWait } from './wrap.js';

const SIZE = 100;
const goal = { ratioMax: 1.25 };

function batches(): () => readonly Message[] {
	const next = messages();
	const ring = Array.from({ length: 10 }, () => Array.from({ length: SIZE }, next));
	let at = 0;
	return () => ring[at++ % ring.length] as readonly Message[];
}

export const syncBatch: Group = {
	title: `Batches of ${SIZE}, a handler that decodes`,
	about: '`wrapBatch(handler)`; the floor is a loop that calls the handler and collects the outcomes',
	async cases() {
		const byHand = async (batch: readonly Message[]) => {
			const outcomes = [];
			for (const message of batch) outcomes.push({ action: 'process', value: handle(message) });
			return outcomes;
		};
		const wrapped = (await shedderAt(0)).wrapBatch(handle);
		const aged = agingShedder().wrapBatch(handle);
		const [toHand, toWrapped, toAged] = [batches(), batches(), batches()];
		return [
			{ name: 'by hand', run: () => byHand(toHand()), messages: SIZE },
			{ name: 'wrapBatch', run: () => wrapped(toWrapped()), messages: SIZE, goal },
			{ name: 'wrapBatch with timeOf and messageAge', run: () => aged(toAged()), messages: SIZE, goal },
		];
	},
};

export const asyncBatch: Group = {
	title: `Batches of ${SIZE}, a handler that decodes and waits once`,
	about: 'as above, with a handler that returns a promise, which the loop awaits',
	async cases() {
		const byHand = async (batch: readonly Message[]) => {
			const outcomes = [];
			for (const message of batch) outcomes.push({ action: 'process', value: await handleAndWait(message) });
			return outcomes;
		};
		const wrapped = (await shedderAt(0)).wrapBatch(handleAndWait);
		const [toHand, toWrapped] = [batches(), batches()];
		return [
			{ name: 'by hand', run: () => byHand(toHand()), messages: SIZE },
			{ name: 'wrapBatch', run: () => wrapped(toWrapped()), messages: SIZE, goal },
		];
	},
};
