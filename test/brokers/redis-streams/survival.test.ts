import { describeWith, startRedis } from '../../support/services.js';
import { survives } from '../survival/survives.js';
import { LIBRARIES, place } from './place.js';

/** A small part of all: what is here when the consumer is paused is still handled, and must not be the whole overload. */
const maxMessages = String(Number(process.env.SURVIVAL_MESSAGES ?? 5_000) / 50);

for (const library of LIBRARIES) {
	// A server of its own, which is taken away in the middle; it keeps what it has on disk.
	await describeWith(
		() => startRedis(['--appendonly', 'yes', '--appendfsync', 'everysec']),
		`a consumer of Redis Streams with ${library}`,
		(server) => {
			survives({
				broker: 'redis-streams',
				ordered: true,
				disturbance: 'reconnect',
				async prepare() {
					const { stream, group, publish, left, destroy } = await place(server.url, library);
					return {
						place: { url: server.url, stream, group, library, maxMessages },
						produce: (messages) => publish(messages.map((message) => JSON.stringify(message))),
						disturb: () => server.restart(),
						left,
						destroy,
					};
				},
			});
		},
	);
}
