import { SpillError } from '../ports/spill.js';
import type { NatsConnection } from './client.js';

/** Whether a connection reaches a server, as far as it said. */
interface Link {
	up: boolean;
	readonly losses: Set<() => void>;
}

/** One for each connection, which ends with it: its events have no listener that could be taken away. */
const links = new WeakMap<NatsConnection, Link>();

/**
 * Calls `lost` when the connection loses its server; what was under way gets no answer then, though the client connects
 * again. @returns what ends that.
 */
export function onLoss(connection: NatsConnection, lost: () => void): () => void {
	const { losses } = linkOf(connection);
	losses.add(lost);
	return () => losses.delete(lost);
}

/** @throws SpillError `SPILL_CONNECTION` while the connection has no server: requests would only wait. */
export function refuseIfDown(connection: NatsConnection): void {
	if (!linkOf(connection).up) throw connectionLost();
}

export const connectionLost = (): SpillError =>
	new SpillError('the nats spill lost its connection', { code: 'SPILL_CONNECTION' });

function linkOf(connection: NatsConnection): Link {
	let link = links.get(connection);
	if (link === undefined) {
		link = { up: true, losses: new Set() };
		links.set(connection, link);
		void follow(connection.status(), link);
	}
	return link;
}

/** Ends when the connection is closed, and never rejects. */
async function follow(events: AsyncIterable<{ readonly type: string }>, link: Link): Promise<void> {
	const down = () => {
		link.up = false;
		for (const lost of [...link.losses]) lost();
	};
	try {
		for await (const { type } of events) {
			if (type === 'disconnect') down();
			else if (type === 'reconnect') link.up = true;
		}
	} catch {
		// A connection that cannot say how it is gets the same treatment as one that is closed.
	}
	down();
}
