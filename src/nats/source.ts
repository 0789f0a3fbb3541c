import type { PullEvents, PullSource } from '../brokers/pull.js';
import { verify } from '../core/errors.js';
import { systemClock, within } from '../ports/time.js';
import type { NatsConnection, NatsConsumer, NatsConsumerInfo, NatsMessage } from './client.js';
import { type Link, linkOf } from './link.js';

/** How long the server may take to confirm what was given back at the end, ms. */
const FLUSH_MS = 5_000;
/** `ack_wait` of a server that does not say it. */
const ACK_WAIT_MS = 30_000;

interface SourceOptions<Raw extends NatsMessage> {
	readonly connection: NatsConnection;
	readonly consumer: NatsConsumer<Raw>;
	readonly expiresMs: number;
	/** Whether the handler hands messages back on purpose. */
	readonly rejects: boolean;
}

/** The consumer as a place from which messages are pulled. */
export async function openSource<Raw extends NatsMessage>(
	{ connection, consumer, expiresMs, rejects }: SourceOptions<Raw>,
	{ assigned }: PullEvents,
): Promise<PullSource<Raw>> {
	const link = linkOf(connection);
	const { ackWaitMs, maxBatch, maxExpiresMs } = limitsOf(await consumer.info(), rejects);
	const expires = Math.min(expiresMs, maxExpiresMs);
	let request: { stop(): void } | undefined;
	const unsubscribe = link.subscribe((state) => {
		// The client would ask again for as many as at first by itself, whatever has arrived since.
		if (state !== 'up') request?.stop();
		else assigned();
	});
	return {
		extendEveryMs: ackWaitMs / 3,
		unsettled: 0,
		async pull(most, give, signal) {
			if (!(await isUp(link, signal))) return;
			const messages = await consumer.fetch({ max_messages: Math.min(most, maxBatch), expires });
			request = messages;
			try {
				for await (const message of messages) give(message);
			} finally {
				request = undefined;
			}
		},
		extend(held) {
			for (const message of held) message.working();
		},
		done() {},
		async end(unhandled) {
			unsubscribe();
			for (const message of unhandled) message.nak();
			// Acknowledgements are sent without an answer; after this the server has them.
			if (link.state === 'up') await within(systemClock, FLUSH_MS, 'the flush of acknowledgements', connection.flush());
		},
	};
}

/** Waits for a server, unless the signal ends that. */
function isUp(link: Link, signal: AbortSignal): Promise<boolean> {
	if (link.state === 'up') return Promise.resolve(true);
	return new Promise((resolve, reject) => {
		const look = () => {
			if (link.state === 'down' && !signal.aborted) return;
			unsubscribe();
			signal.removeEventListener('abort', look);
			if (link.state === 'closed' && !signal.aborted)
				reject(new Error('the connection of the nats consumer is closed'));
			else resolve(!signal.aborted);
		};
		const unsubscribe = link.subscribe(look);
		signal.addEventListener('abort', look);
		look();
	});
}

/** @returns what the consumer allows; `ackWaitMs` is its shortest. @throws ConfigError for one that would lose messages. */
function limitsOf({ config }: NatsConsumerInfo, rejects: boolean) {
	const { ack_policy, max_deliver = -1, ack_wait = ACK_WAIT_MS * 1e6, backoff = [], max_batch, max_expires } = config;
	return verify('consumer of natsIntake', (must) => {
		must(
			ack_policy === 'explicit',
			'ack_policy',
			ack_policy,
			"'explicit', so that each message is acknowledged by itself",
		);
		const rule = 'absent while a level rejects: each rejection is a delivery, and after the last one a message is lost';
		if (rejects) must(!(max_deliver > 0), 'max_deliver', max_deliver, rule);
		return {
			ackWaitMs: Math.min(...(backoff.length > 0 ? backoff : [ack_wait])) / 1e6,
			maxBatch: max_batch || Number.POSITIVE_INFINITY,
			maxExpiresMs: max_expires ? max_expires / 1e6 : Number.POSITIVE_INFINITY,
		};
	});
}
