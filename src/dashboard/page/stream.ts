import type { Hello, Snapshot } from '../snapshot.js';

/** What a page hears. */
export interface Listener {
	hello(hello: Hello): void;
	tick(snapshot: Snapshot): void;
	/** The connection is lost; `true` while it never was there. Told once, and the next tick says that it is back. */
	lost(never: boolean): void;
}

const RETRY_MAX_MS = 15_000;
/** Without a tick for so many periods, and for so long, the connection is dead even if nobody has said so. */
const SILENT_PERIODS = 3;
const SILENT_MS = 5_000;

/** Follows the service, for ever: a connection that breaks, is refused or falls silent is made anew. */
export function follow(listener: Listener): void {
	let source: EventSource | undefined;
	let everyMs = 1_000;
	let heardAtMs = 0;
	let never = true;
	let tries = 0;

	const connect = () => {
		heardAtMs = Date.now();
		source = new EventSource('events');
		source.addEventListener('hello', ({ data }) => {
			const hello = JSON.parse(data) as Hello;
			everyMs = hello.everyMs;
			listener.hello(hello);
		});
		source.addEventListener('tick', ({ data }) => {
			heardAtMs = Date.now();
			tries = 0;
			never = false;
			listener.tick(JSON.parse(data) as Snapshot);
		});
		source.addEventListener('error', retry);
	};
	const retry = () => {
		if (source === undefined) return;
		source.close();
		source = undefined;
		if (tries === 0) listener.lost(never);
		// Spread out, so that all pages do not come back to a restarted service at once.
		const waitMs = Math.min(RETRY_MAX_MS, 500 * 2 ** tries++) * (0.5 + Math.random());
		window.setTimeout(connect, waitMs);
	};
	window.setInterval(() => {
		if (Date.now() - heardAtMs > Math.max(SILENT_MS, SILENT_PERIODS * everyMs)) retry();
	}, 1_000);
	connect();
}
