import { afterAll, it } from 'vitest';
import { spillStoreConformance } from '../../src/testing/index.js';
import { describeWith, redis, startRedis } from '../support/services.js';
import { connect, redisPlace } from './places.js';

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

await describeWith(redis, 'redisSpill that is as durable as its server', ({ url }) => {
	const client = connect(url);
	afterAll(() => client.quit());
	const cases = spillStoreConformance({
		durability: 'process',
		place: ({ maxBytes }) => redisPlace(client, { maxBytes, durability: 'process' }),
	});
	for (const { name, run, timeoutMs } of cases) it(name, run, timeoutMs);
});

await describeWith(
	() => startRedis(DURABLE),
	'redisSpill that survives the end of its server',
	(server) => {
		const client = connect(server.url, { keyPrefix: 'prefixed:', enableAutoPipelining: true });
		afterAll(() => client.quit());
		const cases = spillStoreConformance({
			durability: 'os-crash',
			place: ({ maxBytes }) => redisPlace(client, { maxBytes, partitions: 1 }),
			async crash() {
				await server.kill('SIGKILL');
				await server.restart();
			},
			runs: 10,
		});
		for (const { name, run, timeoutMs } of cases) it(name, run, timeoutMs);
	},
);
