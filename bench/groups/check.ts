import { do_not_optimize } from 'mitata';
import type { Case, Group } from '../group.js';
import { peer } from '../peers.js';
import { byHand } from './decide.js';
import { messages, shedderAt } from './workload.js';

export const check: Group = {
	title: 'A look before the work',
	about: 'may this message come in? The libraries compared with answer yes or no for all messages alike',
	async cases() {
		const decides = await shedderAt(0);
		const admits = await shedderAt(0);
		const [toDecide, toAdmit] = [messages(), messages()];
		return [
			{ name: 'by hand, per key', run: byHand() },
			{ name: 'brownout, decide', run: () => do_not_optimize(decides.decide(toDecide())) },
			{ name: 'brownout, admit (counts as well)', run: () => do_not_optimize(admits.admit(toAdmit())), heap: true },
			...(await peersChecks()),
		];
	},
};

async function peersChecks(): Promise<readonly Case[]> {
	const [toobusy, fastify, plugin] = [
		await peer('toobusy-js'),
		await peer('fastify'),
		await peer('@fastify/under-pressure'),
	];
	if (toobusy === undefined || fastify === undefined || plugin === undefined) return [];
	const server = fastify.default();
	const limits = { maxEventLoopDelay: 1_000, maxHeapUsedBytes: 1e9, maxRssBytes: 1e9, maxEventLoopUtilization: 0.98 };
	await server.register(plugin.default, limits);
	const isBusy = toobusy.default;
	return [
		{ name: 'toobusy-js', run: () => do_not_optimize(isBusy()) },
		{ name: '@fastify/under-pressure', run: () => do_not_optimize(server.isUnderPressure()) },
	];
}
