import { describe, it } from 'vitest';
import { spillStoreConformance } from '../../src/testing/index.js';
import { describeWith, postgres, startPostgres } from '../support/services.js';
import { place } from './place.js';

await describeWith(postgres, 'postgresSpill', ({ url }) => {
	describe.each([1, 4])('with %i partitions', (partitions) => {
		for (const { name, run, timeoutMs } of spillStoreConformance({
			durability: 'os-crash',
			place: ({ maxBytes }) => place(url, { maxBytes, partitions }),
		}))
			it(name, run, timeoutMs);
	});
});

await describeWith(startPostgres, 'postgresSpill on a server that is killed', (server) => {
	for (const { name, run, timeoutMs } of spillStoreConformance({
		durability: 'os-crash',
		place: ({ maxBytes }) => place(server.url, { maxBytes }),
		async crash() {
			await server.kill();
			await server.restart();
		},
	}).filter((check) => check.name.startsWith('survives')))
		it(name, run, timeoutMs);
});
