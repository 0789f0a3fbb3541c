import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { describeWith, type Instance, startNats, until } from '../support/services.js';
import { range, records } from '../support/spill-records.js';
import { place } from './place.js';

/** Three servers that know each other. Their ports for this are looked for beforehand, since each has to name the others'. */
async function startCluster(): Promise<Instance & { readonly members: readonly Instance[] }> {
	const listeners = range(3).map(() => createServer().listen(0, '127.0.0.1'));
	await Promise.all(listeners.map((listener) => once(listener, 'listening')));
	const ports = listeners.map((listener) => (listener.address() as { port: number }).port);
	await Promise.all(listeners.map((listener) => once(listener.close(), 'close')));
	const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
	const members = await Promise.all(
		ports.map((port, n) =>
			startNats({ server_name: `n${n}`, cluster: { name: 'c', listen: `127.0.0.1:${port}`, routes } }),
		),
	);
	const [first] = members as [Instance];
	return { ...first, members };
}

await describeWith(startCluster, 'a replicated natsSpill', ({ members }) => {
	afterAll(() => Promise.all(members.map((member) => member.stop())));

	it('holds what it resolved when a server is lost, and goes on with the others', async () => {
		const url = members.map((member) => member.url);
		const { manager, stream, store: make, destroy } = await place(url, { durability: 'replicated' });
		const store = make();
		await until('the cluster has a leader', async () => {
			await store.open();
			return true;
		});
		expect((await manager.streams.info(stream)).config.num_replicas).toBe(3);
		await store.append(records(500));
		const { cluster } = await manager.streams.info(stream);
		await members[Number(cluster?.leader?.slice(1))]?.kill();
		await until('it goes on', async () => {
			await store.append(records(1, 500));
			return true;
		});
		const found = new Set((await store.read({ partition: 0, maxRecords: 10_000 })).map(({ id }) => id));
		expect(range(501).filter((n) => !found.has(`id-${n}`))).toEqual([]);
		await store.close();
		await destroy();
	}, 60_000);
});
