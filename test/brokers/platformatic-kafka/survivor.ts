import { Consumer, stringDeserializers } from '@platformatic/kafka';
import {
	platformaticKafkaIntake,
	platformaticKafkaLag,
	platformaticKafkaRun,
} from '../../../src/platformatic-kafka/index.js';
import type { Message, Survivor } from '../survival/course.js';

/** A consumer as a user writes it; the course kills it. */
export const survivor: Survivor = {
	async consume({ brokers = '', topic = '', groupId = '', partMax = '' }, makeShedder, handle) {
		const consumer = new Consumer({
			clientId: 'survivor',
			bootstrapBrokers: brokers.split(','),
			groupId,
			deserializers: stringDeserializers,
			// What the group takes for dead for, after kill -9.
			...{ sessionTimeout: 6_000, heartbeatInterval: 500, rebalanceTimeout: 10_000, maxWaitTime: 200 },
		});
		const stream = await consumer.consume({
			topics: [topic],
			mode: 'committed',
			fallbackMode: 'earliest',
			autocommit: false,
		});
		const lag = platformaticKafkaLag({ consumer, fallbackMode: 'earliest' });
		const shedder = makeShedder(lag, platformaticKafkaIntake({ stream }));
		const decode = ({ value }: { value: string }) => JSON.parse(value) as Message;
		// The course is over in seconds, and the lag should be seen to move.
		const options = { commitEveryMs: 100, partMax: Number(partMax) };
		const running = platformaticKafkaRun({ stream, shedder, decode, handle, ...options });
		return async () => {
			await stream.close();
			await running;
			await consumer.close(true);
		};
	},
};
