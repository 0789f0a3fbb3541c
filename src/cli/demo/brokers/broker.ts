import type { Intake, LoadShedder, SignalSource } from '../../../index.js';
import type { Message } from '../feed.js';

/** Where the messages of one run lie in a broker: plain, so that the generator can be told. */
export interface Place {
	readonly broker: BrokerName;
	readonly url: string;
	/** A queue, stream or topic of this run alone. */
	readonly name: string;
}

export type BrokerName = 'kafka' | 'nats' | 'redis' | 'rabbitmq';

/** What is asked of a shedder by those who consume. */
export type Shedder = LoadShedder<Message, string, string, string, string, 'enrichment' | 'strictValidation'>;
export type Handle = Parameters<Shedder['wrapBatch']>[0];

/** A consumer of a place, built from the adapter of its client. */
export interface Consumer {
	/** Messages that are not handled yet. */
	readonly lag: SignalSource;
	readonly intake: Intake;
	/** Starts to consume. @param failed  told what went wrong beside the messages. */
	consume(shedder: Shedder, handle: Handle, failed: (error: unknown) => void): Promise<void>;
	/** Messages that the broker holds, asked for by other means than the adapter's. */
	left(): Promise<number>;
	/** Ends it: what was delivered is settled. Then removes the place. */
	close(): Promise<void>;
}

/** The generator's end of a place. */
export interface Producer {
	/** Resolves when the broker has them all. */
	send(messages: readonly Message[]): Promise<void>;
	close(): Promise<void>;
}

/** A kind of broker that the demo can run on. */
export interface Broker {
	/** As people say it. */
	readonly title: string;
	/** The environment variable with its URL, and where it runs otherwise. */
	readonly variable: string;
	readonly localUrl: string;
	/** The packages of its client, which the demo does not bring along. */
	readonly packages: readonly string[];
	/** Makes an empty place, and the consumer that is to have everything that comes. */
	open(place: Place): Promise<Consumer>;
	produce(place: Place): Promise<Producer>;
}
