import { redisStreamsHandler, redisStreamsIntake, redisStreamsLag } from '../../../redis-streams/index.js';
import type { Broker, Place } from './broker.js';
import { writeMessage } from './wire.js';

const GROUP = 'demo';
const FIELD = 'message';

/** A stream, and a consumer group of one. */
export const redis: Broker = {
	title: 'Redis server',
	variable: 'REDIS_URL',
	localUrl: 'redis://127.0.0.1:6379',
	packages: ['ioredis'],

	async open(place) {
		const client = await clientOf(place);
		const { name: stream } = place;
		await client.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
		const intake = redisStreamsIntake({ client, stream, group: GROUP, consumer: 'demo' });
		let consuming: { stop(): Promise<void> } | undefined;
		return {
			lag: redisStreamsLag({ client, stream, group: GROUP }),
			intake,
			async consume(shedder, handle, failed) {
				const decode = ({ fields }: { readonly fields: { readonly [name: string]: string } }) =>
					JSON.parse(fields[FIELD] as string);
				consuming = intake.consume(redisStreamsHandler(shedder, { decode, handle }), { onError: failed });
			},
			async left() {
				// Nothing is ever removed from this stream, so its length is what was sent.
				const [[facts], length] = await Promise.all([
					client.xinfo('GROUPS', stream) as Promise<unknown[][]>,
					client.xlen(stream),
				]);
				const { 'entries-read': read, pending } = factsOf(facts);
				return length - Number(read ?? 0) + Number(pending);
			},
			async close() {
				await consuming?.stop();
				await client.del(stream);
				await client.quit();
			},
		};
	},

	async produce(place) {
		const client = await clientOf(place);
		return {
			async send(messages) {
				const pipeline = client.pipeline();
				// What is still on its way when the stream is removed must not make it anew.
				for (const message of messages) pipeline.xadd(place.name, 'NOMKSTREAM', '*', FIELD, writeMessage(message));
				const results = (await pipeline.exec()) ?? [];
				for (const [error] of results) if (error !== null) throw error;
			},
			close: async () => void (await client.quit()),
		};
	},
};

async function clientOf({ url }: Place) {
	const { Redis } = await import('ioredis');
	return new Redis(url);
}

/** A flat list of names and values as an object. */
function factsOf(flat: unknown): Readonly<Record<string, unknown>> {
	const list = flat as readonly unknown[];
	return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]]] : [])));
}
