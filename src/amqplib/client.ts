/** What is needed of a delivered message; `ConsumeMessage` of `amqplib` is one. */
export interface AmqplibMessage {
	/** A Buffer. */
	readonly content: Uint8Array & { toString(encoding?: 'utf8' | 'latin1' | 'base64' | 'hex'): string };
	readonly fields: { readonly deliveryTag: number; readonly redelivered: boolean; readonly routingKey: string };
	readonly properties: { readonly headers?: { readonly [name: string]: unknown } | undefined };
}

/** What a handler needs of the channel from which its messages come. */
export interface AmqplibAcks<Raw = AmqplibMessage> {
	ack(message: Raw, allUpTo?: boolean): void;
	nack(message: Raw, allUpTo?: boolean, requeue?: boolean): void;
	on(event: 'close', listener: () => void): unknown;
}

/** What is needed of a channel; that of `amqplib` 0.10 to 2 is one, confirming or not. */
export interface AmqplibChannel<Raw = AmqplibMessage> extends AmqplibAcks<Raw> {
	prefetch(count: number): Promise<unknown>;
	consume(
		queue: string,
		onMessage: (message: Raw | null) => void,
		options?: { readonly consumerTag?: string },
	): Promise<{ readonly consumerTag: string }>;
	cancel(consumerTag: string): Promise<object>;
	off(event: 'close', listener: () => void): unknown;
}

/** What is needed of a connection; that of `amqplib` 0.10 to 2 is one, recovering or not. */
export interface AmqplibConnection {
	createChannel(): Promise<{
		checkQueue(queue: string): Promise<{ readonly messageCount: number }>;
		close(): Promise<void>;
		on(event: 'close' | 'error', listener: () => void): unknown;
	}>;
}
