import type { Intake, MessageShedder, SignalSource } from '../../../src/index.js';

/** One of the messages. */
export interface Message {
	readonly n: number;
	/** Messages of one key are to be handled in order. */
	readonly key: string;
	readonly priority: 'critical' | 'high' | 'normal' | 'low';
}

/** What the consumer's process is given, as JSON. */
export interface Settings {
	/** The name of the module with the {@link Survivor}, beside `survival`: `nats` = `test/brokers/nats/survivor.ts`. */
	readonly broker: string;
	/** Its log, and its spill, in a directory of the course. */
	readonly directory: string;
	/** How many messages there will be. */
	readonly messages: number;
	/** What the course itself says to its survivor. */
	readonly place: Readonly<Record<string, string>>;
}

export interface Context {
	readonly features: { readonly enrichment: boolean };
	readonly replayed: boolean;
}

/** Made by the consumer once it has its lag and its intake. */
export type Shedder = MessageShedder<Message, Context>;

/** The consumer under test, run in a process of its own, which is killed. Exported as `survivor` by its module. */
export interface Survivor {
	/**
	 * Builds the consumer from the adapter alone and starts it.
	 *
	 * @param makeShedder  makes and starts the shedder around a lag in messages and an intake.
	 * @param handle  the handler for the adapter to wrap. It burns CPU and never throws.
	 * @returns how to end it: everything that was delivered is settled afterwards. It is called on SIGTERM.
	 */
	consume(
		place: Settings['place'],
		makeShedder: (lag: SignalSource, intake: Intake) => Shedder,
		handle: (message: Message, context: Context) => void,
	): Promise<() => Promise<void>>;
}

/** The broker's side of it, in the process of the test. */
export interface Course {
	/** The name of the module of the survivor. */
	readonly broker: string;
	/** Whether the messages of a key come in order when nothing fails: one partition or one consumer at a time. */
	readonly ordered: boolean;
	/** What is done to the consumer in the middle of its work. */
	readonly disturbance: 'rebalance' | 'reconnect';
	/** Makes an empty queue or topic. */
	prepare(): Promise<{
		readonly place: Settings['place'];
		/** Resolves when the broker has them. */
		produce(messages: readonly Message[]): Promise<void>;
		/** Forces the rebalance or the reconnect. */
		disturb(): Promise<void>;
		/** Messages that the broker still holds for the consumer, counted by other means than the adapter's. */
		left(): Promise<number>;
		destroy(): Promise<void>;
	}>;
}

/** The messages of a course: a tenth is protected, a third may be dropped. */
export const messageOf = (n: number): Message => ({
	n,
	key: `k${n % 97}`,
	priority: n % 10 === 0 ? 'critical' : (['high', 'normal', 'low'] as const)[(n % 3) as 0 | 1 | 2],
});
