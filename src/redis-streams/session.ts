/** What is needed of a client of `ioredis` 5 or 6: how to make another like it. */
export interface IoredisClient {
	duplicate(options?: object): unknown;
	call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** What is needed of a client of `redis` (node-redis) 4, 5 or 6: how to make another like it. */
export interface NodeRedisClient {
	readonly options?: unknown;
	duplicate(options?: object): unknown;
	sendCommand(args: string[], options?: object): Promise<unknown>;
}

/**
 * Tells to which server to connect, and as whom. A client of `ioredis` or `redis`, connected or not: only duplicates of it
 * are used, so that no blocking command of anybody holds up another.
 */
export type RedisClient = IoredisClient | NodeRedisClient;

export type Argument = string | number;

/** One connection of our own. It never connects again: after a failure comes another. */
export interface Session {
	/** @param bytes  whether texts of the answer are to be Buffers. */
	send(args: readonly Argument[], bytes: boolean): Promise<unknown>;
	end(): void;
}

export const isRedisClient = (client: unknown): client is RedisClient => {
	const { duplicate, call, sendCommand } = (client ?? {}) as Record<string, unknown>;
	return typeof duplicate === 'function' && (typeof call === 'function' || typeof sendCommand === 'function');
};

/** Rejects when it cannot connect. */
export const openSession = (client: RedisClient): Promise<Session> =>
	'call' in client ? openIoredis(client) : openNodeRedis(client);

/** What both clients say of a connection that fails is said by the commands on it as well. */
const heardElsewhere = (): void => {};

async function openIoredis(client: IoredisClient): Promise<Session> {
	const own = client.duplicate({
		lazyConnect: true,
		retryStrategy: () => null,
		// `call` fails under it, and a command that waits would hold up whatever is sent with it.
		enableAutoPipelining: false,
		// A read that waits for messages takes longer than other commands may.
		commandTimeout: undefined,
		blockingTimeout: undefined,
	}) as IoredisClient & {
		callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
		connect(): Promise<void>;
		disconnect(): void;
		on(event: 'error', listener: () => void): void;
	};
	own.on('error', heardElsewhere);
	try {
		await own.connect();
	} catch (error) {
		own.disconnect();
		throw error;
	}
	return {
		send([command, ...args], bytes) {
			return bytes ? own.callBuffer(String(command), ...args) : own.call(String(command), ...args);
		},
		end: () => own.disconnect(),
	};
}

/** The type of texts in answers, in the terms of RESP. */
const BLOB_STRING = 36;

async function openNodeRedis(client: NodeRedisClient): Promise<Session> {
	const { socket = {} } = (client.options ?? {}) as { readonly socket?: object };
	const own = client.duplicate({
		socket: { ...socket, reconnectStrategy: false, socketTimeout: undefined },
		disableOfflineQueue: true,
	}) as NodeRedisClient & {
		readonly isOpen: boolean;
		connect(): Promise<unknown>;
		/** Since version 5. */
		destroy?(): void;
		disconnect(): Promise<void>;
		on(event: 'error', listener: () => void): void;
	};
	own.on('error', heardElsewhere);
	const end = () => {
		if (!own.isOpen) return;
		if (own.destroy !== undefined) own.destroy();
		else own.disconnect().catch(heardElsewhere);
	};
	try {
		await own.connect();
	} catch (error) {
		end();
		throw error;
	}
	const texts = { typeMapping: {} };
	// Version 4 has another word for it.
	const buffers = { typeMapping: { [BLOB_STRING]: Buffer }, returnBuffers: true };
	return {
		send: (args, bytes) => own.sendCommand(args.map(String), bytes ? buffers : texts),
		end,
	};
}
