import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One Apache Kafka node in KRaft mode: broker and controller in one process, everything kept in one directory. */
export interface KafkaNode {
	/** For its clients, on 127.0.0.1. */
	readonly port: number;
	/** For itself, on 127.0.0.1. */
	readonly controllerPort: number;
	readonly directory: string;
}

/**
 * Makes its directory ready. Kafka's own tool for this starts a Java machine for seconds to write the same three lines, and
 * the node fills in the rest.
 */
export async function prepareKafka(directory: string): Promise<void> {
	await mkdir(join(directory, 'data'));
	await writeFile(
		join(directory, 'data', 'meta.properties'),
		'version=1\nnode.id=1\ncluster.id=YnJvd25vdXQtaW4tdGVzdA\n',
	);
	await writeFile(join(directory, 'server.properties'), '');
}

/** What starts it, with the jars of `kafkaJars`. @param settings  of server.properties, such as `{ 'num.partitions': '3' }`. */
export function kafkaCommand(
	jars: string,
	{ port, controllerPort, directory }: KafkaNode,
	settings: { readonly [name: string]: string } = {},
): { readonly file: string; readonly args: readonly string[] } {
	const properties = {
		'process.roles': 'broker,controller',
		'node.id': '1',
		'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
		listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
		'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
		'controller.listener.names': 'CONTROLLER',
		'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
		'log.dirs': join(directory, 'data'),
		...ALONE,
		...settings,
	};
	return {
		file: 'java',
		args: [
			// It shares a small machine with the tests: little memory, and no second compiler that warms up for hours of work.
			...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
			'-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
			...['-cp', join(jars, '*'), 'kafka.Kafka', join(directory, 'server.properties')],
			...Object.entries(properties).flatMap(([name, value]) => ['--override', `${name}=${value}`]),
		],
	};
}

/** The defaults are made for three nodes and for years of work. */
const ALONE = {
	'offsets.topic.replication.factor': '1',
	'offsets.topic.num.partitions': '4',
	'transaction.state.log.replication.factor': '1',
	'transaction.state.log.min.isr': '1',
	'transaction.state.log.num.partitions': '2',
	'share.coordinator.state.topic.replication.factor': '1',
	'share.coordinator.state.topic.min.isr': '1',
	// A group is ready as soon as its first member is.
	'group.initial.rebalance.delay.ms': '0',
	'group.min.session.timeout.ms': '1000',
	// A misspelt topic is an error and not a new topic.
	'auto.create.topics.enable': 'false',
	'log.cleaner.dedupe.buffer.size': '16777216',
};
