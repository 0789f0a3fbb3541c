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
	readonly lmdb: {
		open(options: object): {
			transaction(action: () => void): Promise<unknown>;
			put(key: number, value: Uint8Array): unknown;
			readonly flushed: Promise<unknown>;
			getRange(options: object): Iterable<{ readonly value: Uint8Array }>;
			close(): Promise<void>;
		};
	};
	readonly 'better-sqlite3': {
		readonly default: new (
			path: string,
		) => {
			pragma(text: string): unknown;
			exec(text: string): unknown;
			prepare(text: string): { run(value: Uint8Array): unknown; iterate(): Iterable<{ readonly payload: Uint8Array }> };
			transaction<A extends unknown[]>(action: (...args: A) => void): (...args: A) => void;
			close(): unknown;
		};
	};
	readonly 'classic-level': {
		readonly ClassicLevel: new (
			path: string,
			options: object,
		) => {
			open(): Promise<void>;
			batch(operations: readonly object[], options: { readonly sync: boolean }): Promise<void>;
			iterator(options: object): {
				nextv(size: number): Promise<readonly (readonly [string, Uint8Array])[]>;
				close(): Promise<void>;
			};
			close(): Promise<void>;
		};
	};
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
