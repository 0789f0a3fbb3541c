import { ConfigError, verify } from '../core/errors.js';
import type { Outcome } from '../ports/outcome.js';
import type { HandlerContext, Route } from './router.js';
import { isThenable } from './thenable.js';

export type Handler<M, N extends string, P extends string, F extends string, V> = (
	message: M,
	context: HandlerContext<N, P, F>,
) => V | Promise<V>;

/** Handles one message along its route: a promise only where the handler makes one. Throws what the handler throws. */
export type Run<M, N extends string, P extends string, F extends string, V> = (
	route: Route<N, P, F>,
	message: M,
) => Outcome<V> | Promise<Outcome<V>>;

/** The handlers by name. */
export class Handlers<M, N extends string, P extends string, F extends string> {
	readonly #byName = new Map<string, Handler<M, N, P, F, unknown>>();

	/** The handler that spilled messages of this name wait for. */
	find(name: string): Handler<M, N, P, F, unknown> | undefined {
		return this.#byName.get(name);
	}

	/** @throws ConfigError when another handler has the name, and messages that were spilled have to find theirs. */
	add(name: string, handler: Handler<M, N, P, F, unknown>, spills: boolean): void {
		verify('handler', (must) => must(typeof handler === 'function', 'handler', handler, 'a function'));
		if (spills && (this.#byName.get(name) ?? handler) !== handler) {
			const message = `name: "${name}" must be unique: another handler has it, and spilled messages find theirs by name, so give each one its own`;
			throw new ConfigError('handler', [{ path: 'name', message }]);
		}
		this.#byName.set(name, handler);
	}
}

/** Calls a handler. The closures are shared by all messages, so that only the handler's own promise is made (rule M1). */
export function runner<M, N extends string, P extends string, F extends string, V>(
	handler: Handler<M, N, P, F, V>,
	left: (as: 'processed' | 'failed') => void,
): Run<M, N, P, F, V> {
	const finished = (value: V): Outcome<V> => {
		left('processed');
		return { action: 'process', value };
	};
	const failed = (error: unknown): never => {
		left('failed');
		throw error;
	};
	return (route, message) => {
		let result: V | Promise<V>;
		try {
			result = handler(message, route.context);
			if (isThenable(result)) return result.then(finished, failed);
		} catch (error) {
			return failed(error);
		}
		return finished(result);
	};
}
