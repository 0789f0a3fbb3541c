import { describeWith, startRedis } from '../../support/services.js';
import { survives } from '../survival/survives.js';
import { LIBRARIES, place } from './place.js';

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
						place: { url: server.url, stream, group, library },
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
