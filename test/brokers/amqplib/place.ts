import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { type Channel, type ChannelModel, connect } from 'amqplib';

/** A queue of a test's own, and a connection beside those under test. */
export interface Place {
	readonly queue: string;
	readonly connection: ChannelModel;
	readonly channel: Channel;
	/** Puts messages into the queue; resolves when the broker has them. */
	produce(contents: readonly string[]): Promise<void>;
	/** Messages that are ready, as the broker counts them. */
	ready(): Promise<number>;
	destroy(): Promise<void>;
}

export async function makePlace(url: string): Promise<Place> {
	const queue = `brownout-${randomUUID()}`;
	const connection = await connect(url);
	const channel = await connection.createConfirmChannel();
	await channel.assertQueue(queue);
	return {
		queue,
		connection,
		channel,
		async produce(contents) {
			for (const content of contents) channel.sendToQueue(queue, Buffer.from(content));
			await channel.waitForConfirms();
		},
		ready: async () => (await channel.checkQueue(queue)).messageCount,
		async destroy() {
			await channel.deleteQueue(queue);
			await connection.close();
		},
	};
}

/** Runs a test on a queue of its own. */
export async function at(url: string, run: (place: Place) => Promise<void>): Promise<void> {
	const place = await makePlace(url);
	try {
		await run(place);
	} finally {
		await place.destroy();
	}
}

/** A way to the broker that can be cut. */
export interface Wire {
	readonly url: string;
	/** Ends every connection that goes this way. */
	cut(): void;
	close(): Promise<void>;
}

export async function openWire(url: string): Promise<Wire> {
	const { hostname, port, username, password } = new URL(url);
	const sockets = new Set<Socket>();
	const server = createServer((near) => {
		const far = connectTcp(Number(port || 5672), hostname);
		for (const socket of [near, far]) {
			sockets.add(socket);
			// One end that is cut ends the other.
			socket.on('error', () => {});
			socket.on('close', () => {
				sockets.delete(socket);
				near.destroy();
				far.destroy();
			});
		}
		near.pipe(far).pipe(near);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const wire = new URL(`amqp://127.0.0.1:${(server.address() as AddressInfo).port}`);
	Object.assign(wire, { username, password });
	const cut = () => {
		for (const socket of sockets) socket.destroy();
	};
	return {
		url: String(wire),
		cut,
		async close() {
			cut();
			server.close();
			await once(server, 'close');
		},
	};
}
