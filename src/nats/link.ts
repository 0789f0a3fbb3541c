import type { NatsConnection } from './client.js';

/** Whether a connection reaches a server, as far as it said. */
export interface Link {
	readonly state: 'up' | 'down' | 'closed';
	/** Called at each change. @returns what ends that. */
	subscribe(listener: (state: Link['state']) => void): () => void;
}

/** One for each connection, which ends with it: its events have no listener that could be taken away. */
const links = new WeakMap<NatsConnection, Link>();

export function linkOf(connection: NatsConnection): Link {
	const link = links.get(connection) ?? follow(connection);
	links.set(connection, link);
	return link;
}

function follow(connection: NatsConnection): Link {
	const listeners = new Set<(state: Link['state']) => void>();
	const link = {
		state: 'up' as Link['state'],
		subscribe(listener: (state: Link['state']) => void) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
	};
	const become = (state: Link['state']) => {
		link.state = state;
		for (const listener of [...listeners]) listener(state);
	};
	void (async () => {
		try {
			for await (const { type } of connection.status()) {
				if (type === 'disconnect') become('down');
				else if (type === 'reconnect') become('up');
			}
		} catch {
			// A connection that cannot say how it is gets the same treatment as one that is closed.
		}
		become('closed');
	})();
	return link;
}
