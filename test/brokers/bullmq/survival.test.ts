import { describeWith, redis } from '../../support/services.js';
import { survives } from '../survival/survives.js';
import { cutConnections, makePlace } from './place.js';

await describeWith(redis, 'a worker of bullmq', ({ url }) => {
	survives({
		broker: 'bullmq',
		// Fifty jobs at a time.
		ordered: false,
		disturbance: 'reconnect',
		async prepare() {
			const { name, queue, redis: client, counts, destroy } = makePlace(url);
			return {
				place: { url, name },
				async produce(messages) {
					await queue.addBulk(messages.map((data) => ({ name: 'message', data, opts: { removeOnComplete: true } })));
				},
				disturb: () => cutConnections(client, name),
				left: async () => Object.values(await counts()).reduce((sum, count) => sum + count),
				destroy,
			};
		},
	});
});
