import { Kafka, logLevel } from 'kafkajs';
import { kafkaJars } from '../../../scripts/kafka/jars.js';
import { kafkaCommand, prepareKafka } from '../../../scripts/kafka/node.js';
import { find, type Service } from './find.js';
import { freePort, type Instance, launch } from './instance.js';

/** An Apache Kafka. Its `url` is `host:port`; topics are not made by themselves. It takes seconds to start: one per file. */
export const kafka = (): Promise<Service | undefined> =>
	find({ name: 'kafka', variable: 'KAFKA_BROKERS', localUrl: '127.0.0.1:9092', refusal, start: startKafka });

/**
 * A private Apache Kafka of one node. Maven brings its jars the first time.
 *
 * @param settings of server.properties, such as `{ 'num.partitions': '3' }`.
 */
export async function startKafka(settings: { readonly [name: string]: string } = {}): Promise<Instance> {
	const jars = await kafkaJars();
	const controllerPort = await freePort();
	return launch({
		name: 'kafka',
		url: (port) => `127.0.0.1:${port}`,
		refusal,
		readyMs: 120_000,
		prepare: prepareKafka,
		command: (port, directory) => kafkaCommand(jars, { port, controllerPort, directory }, settings),
	});
}

async function refusal(url: string): Promise<string | undefined> {
	const client = new Kafka({
		brokers: url.split(','),
		connectionTimeout: 2_000,
		requestTimeout: 5_000,
		retry: { retries: 0 },
		logLevel: logLevel.NOTHING,
	});
	const admin = client.admin();
	try {
		await admin.connect();
		// The client looks for no coordinator before it knows a broker.
		await admin.describeCluster();
		// It answers before it can coordinate a group, which the first question about one makes it learn.
		await admin.describeGroups(['brownout-ready']);
		return undefined;
	} catch (error) {
		return String(error);
	} finally {
		await admin.disconnect();
	}
}
