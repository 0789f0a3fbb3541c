import { redisStreamsHandler, redisStreamsIntake, redisStreamsLag } from '../../../src/redis-streams/index.js';
import type { Message, Survivor } from '../survival/course.js';
import { clientOf, type Library } from './place.js';

export const survivor: Survivor = {
	async consume({ url, stream, group, library, maxMessages }, makeShedder, handle) {
		const client = clientOf(url as string, library as Library, 'brownout-survivor');
		const place = { client, stream: stream as string, group: group as string };
		// The same name in each life, so that it begins with what it had.
		const intake = redisStreamsIntake({
			...place,
			consumer: 'survivor',
			maxMessages: Number(maxMessages),
			claimAfterMs: 5_000,
		});
		const lag = redisStreamsLag(place);
		const shedder = makeShedder(lag, intake);
		const decode = ({ fields }: { readonly fields: { readonly [name: string]: string } }) =>
			JSON.parse(fields.text as string) as Message;
		const consuming = intake.consume(redisStreamsHandler(shedder, { decode, handle, name: 'survivor' }), {
			onError: (error) => console.error('redis survivor:', String(error)),
		});
		return () => consuming.stop();
	},
};
