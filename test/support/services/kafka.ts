import { Kafka, logLevel } from 'kafkajs';
import { kafkaJars } from '../../../scripts/kafka/jars.js';
import { kafkaCommand, prepareKafka } from '../../../scripts/kafka/node.js';
import { find, messageOf, type Service } from './find.js';
import { freePort, type Instance, launch } from './instance.js';
import { startMock } from './kafka-mock.js';

/** Its `url` is `host:port`. */
export interface KafkaService extends Service {
	/** It is the mock cluster of kcat, which has four partitions for any topic and does not know how to make or change one. */
	readonly mock: boolean;
}

/**
 * An Apache Kafka. Topics are not made by themselves. It takes seconds to start: one per file. Where Maven or Java is missing
 * and kcat is not, it is the mock of kcat, unless the services are required.
 */
export async function kafka(): Promise<KafkaService | undefined> {
	let mock = false;
	const start = async (): Promise<Service> => {
		try {
			return await startKafka();
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
			if (process.env.BROWNOUT_REQUIRE_SERVICES === '1') throw error;
			const service = await startMock();
			process.stderr.write(`kafka: ${messageOf(error)}; the mock cluster of kcat stands in, for a few of the tests\n`);
			mock = true;
			return service;
		}
	};
	const places = { name: 'kafka', variable: 'KAFKA_BROKERS', localUrl: '127.0.0.1:9092', refusal, start };
	const found = await find(places);
	return found && { url: found.url, stop: () => found.stop(), mock };
}

/** The same without the mock, for clients and programs that it does not know enough for. */
export async function apacheKafka(): Promise<KafkaService | undefined> {
	const found = await kafka();
	if (!found?.mock) return found;
	await found.stop();
	process.stderr.write('SKIPPED, no Apache Kafka: the mock cluster of kcat does not do for this one\n');
	return undefined;
}

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
