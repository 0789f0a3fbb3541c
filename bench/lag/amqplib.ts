/** What one read of `amqplibLag` takes: `npx tsx bench/lag/amqplib.ts`, with a RabbitMQ at AMQP_URL or on the usual port. */
import { connect } from 'amqplib';
import { amqplibIntake, amqplibLag } from '../../src/amqplib/index.js';
import { report } from './report.js';

const connection = await connect(process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672');
const channel = await connection.createConfirmChannel();
const { queue } = await channel.assertQueue('', { exclusive: true });
for (let n = 0; n < 1_000; n++) channel.sendToQueue(queue, Buffer.from('message'));
await channel.waitForConfirms();
await report('amqplibLag', amqplibLag({ queue, connection, intake: amqplibIntake() }));
await connection.close();
