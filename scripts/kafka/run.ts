import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaJars } from './jars.js';
import { kafkaCommand, prepareKafka } from './node.js';

/**
 * An Apache Kafka for trying things out, on 127.0.0.1:9092 until Ctrl-C: `npm run kafka`. It needs Java 17 and, the first
 * time, Maven. Its data go when it ends. `npm run kafka -- --fetch` only brings the jars.
 */
const jars = await kafkaJars();
if (process.argv.includes('--fetch')) {
	process.stdout.write(`${jars}\n`);
} else {
	const directory = await mkdtemp(join(tmpdir(), 'brownout-kafka-'));
	await prepareKafka(directory);
	// Every topic that an example names is there.
	const settings = { 'auto.create.topics.enable': 'true' };
	const { file, args } = kafkaCommand(jars, { port: 9092, controllerPort: 9093, directory }, settings);
	const child = spawn(file, args, { stdio: 'inherit' });
	for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGTERM'));
	process.stdout.write('Apache Kafka is starting: KAFKA_BROKERS=127.0.0.1:9092 (Ctrl-C ends it)\n');
	await once(child, 'exit');
	await rm(directory, { recursive: true, force: true });
	process.exitCode = child.exitCode ?? 0;
}
