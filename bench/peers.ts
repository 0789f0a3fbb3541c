import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** The parts of the libraries compared with that are used here; they are installed apart, so their own types may be missing. */
export interface Peers {
	readonly cockatiel: {
		readonly handleAll: unknown;
		readonly ConsecutiveBreaker: new (threshold: number) => unknown;
		circuitBreaker(policy: unknown, options: { readonly halfOpenAfter: number; readonly breaker: unknown }): Policy;
		bulkhead(limit: number, queue: number): Policy;
	};
	readonly opossum: {
		readonly default: new <M>(
			action: (message: M) => unknown,
			options: { readonly timeout: false },
		) => {
			fire(message: M): Promise<unknown>;
		};
	};
	readonly 'p-limit': {
		default(concurrency: number): <M>(action: (message: M) => unknown, message: M) => Promise<unknown>;
	};
	readonly 'toobusy-js': { default(): boolean };
	readonly fastify: {
		default(): { register(plugin: unknown, options: object): Promise<unknown>; isUnderPressure(): boolean };
	};
	readonly '@fastify/under-pressure': { readonly default: unknown };
}
interface Policy {
	execute(action: () => unknown): Promise<unknown>;
}

const fromPeers = createRequire(`${process.cwd()}/bench/peers/package.json`);

/** A library compared with, or `undefined` when the peers are not installed. */
export async function peer<K extends keyof Peers>(name: K): Promise<Peers[K] | undefined> {
	let path: string;
	try {
		path = fromPeers.resolve(name);
	} catch (error) {
		if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
		throw error;
	}
	return import(pathToFileURL(path).href);
}
