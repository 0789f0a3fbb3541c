import type { PlatformaticStream } from './client.js';

/** Who has paused a stream: its user, or an intake. */
export interface Pauses {
	/** Pauses until every reason is gone. Idempotent. */
	hold(reason: object): void;
	release(reason: object): void;
	/** Pauses again what is held, whatever the client has done to it. */
	enforce(): void;
	/** By anybody. */
	readonly paused: boolean;
	/** Told when somebody has paused or resumed. @returns ends it. */
	onChange(listener: () => void): () => void;
}

const known = new WeakMap<object, Pauses>();

/**
 * The same for everybody who asks for one stream. A stream of Node knows only whether it is paused and not by whom, so the `pause`
 * and `resume` of this one are replaced by ours, which keep the user's own pause apart and then do what they did. Node and
 * the client call them too (`pipe` for its backpressure, `close` to drain): that counts as the user's word.
 */
export function pausesOf(stream: PlatformaticStream<unknown>): Pauses {
	const pauses = known.get(stream) ?? keepApart(stream);
	known.set(stream, pauses);
	return pauses;
}

interface ListenerWatch {
	on(event: 'newListener', listener: (event: string | symbol) => void): unknown;
	off(event: 'newListener', listener: (event: string | symbol) => void): unknown;
}

function keepApart(stream: PlatformaticStream<unknown>): Pauses {
	const [pause, resume] = [stream.pause.bind(stream), stream.resume.bind(stream)];
	const close = stream.close.bind(stream) as (callback?: (error?: Error | null) => void) => Promise<void>;
	// The types of the client leave this event of every emitter out.
	const emitter = stream as unknown as ListenerWatch;
	const reasons = new Set<object>();
	const listeners = new Set<() => void>();
	// A stream that nobody reads yet is not paused, whatever `isPaused` says of one that is read by `read`.
	let byUser = stream.readableFlowing !== null && stream.listenerCount('readable') === 0 && stream.isPaused();
	let closing = false;
	const tell = (): void => {
		for (const listener of listeners) listener();
	};

	/** Without a reader Node would let it flow into nothing: it flows once there is one. */
	const flow = (): void => {
		if (stream.listenerCount('data') > 0 || stream.listenerCount('readable') > 0) {
			resume();
			return;
		}
		const arrived = (event: string | symbol): void => {
			if (event !== 'data' && event !== 'readable') return;
			emitter.off('newListener', arrived);
			// It is told of before it is there.
			queueMicrotask(() => {
				if (reasons.size === 0 && !byUser) resume();
			});
		};
		emitter.on('newListener', arrived);
	};
	stream.pause = () => {
		byUser = true;
		pause();
		tell();
		return stream;
	};
	stream.resume = () => {
		byUser = false;
		// A stream that is closed is drained by the client, and would never end while it is held.
		if (reasons.size === 0 || closing) resume();
		tell();
		return stream;
	};
	stream.close = ((callback?: (error?: Error | null) => void) => {
		closing = true;
		return close(callback);
	}) as typeof stream.close;

	return {
		hold(reason) {
			if (reasons.has(reason)) return;
			reasons.add(reason);
			pause();
			tell();
		},
		release(reason) {
			if (!reasons.delete(reason) || reasons.size > 0) return;
			if (!byUser && !closing) flow();
			tell();
		},
		enforce() {
			if (reasons.size > 0 && !closing) pause();
		},
		get paused() {
			return byUser || reasons.size > 0;
		},
		onChange(listener) {
			const own = () => listener();
			listeners.add(own);
			return () => void listeners.delete(own);
		},
	};
}
