import { describe, it } from 'vitest';
import { spillStoreConformance } from '../../src/testing/index.js';
import { describeWith, nats, startNats } from '../support/services.js';
import { place, reconnected } from './place.js';

await describeWith(nats, 'natsSpill', ({ url }) => {
	describe.each([1, 4])('with %i partitions', (partitions) => {
		for (const { name, run, timeoutMs } of spillStoreConformance({
			durability: 'process',
			place: ({ maxBytes }) => place(url, { maxBytes, partitions }),
		}))
			it(name, run, timeoutMs);
	});
});

await describeWith(startNats, 'natsSpill on a server that is killed', (server) => {
	for (const { name, run, timeoutMs } of spillStoreConformance({
		durability: 'process',
		place: ({ maxBytes }) => place(server.url, { maxBytes }),
		async crash(here) {
			const back = reconnected(here);
			await server.kill();
			await server.restart();
			await back;
		},
	}).filter((check) => check.name.startsWith('survives')))
		it(name, run, timeoutMs);
});
