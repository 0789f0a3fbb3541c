/** A message of a stream, as this consumer has it. */
export interface StreamMessage<Value = string> {
	/** `<ms>-<sequence>`: when the server got it, epoch ms, unless its sender chose the id. */
	readonly id: string;
	/** Has no prototype. Of a name that occurs twice the last value. */
	readonly fields: { readonly [name: string]: Value };
	/** It was handled. Sent together with those of others (`XACK`), and again until the server has it. */
	ack(): void;
	/** Leaves it pending; it comes again after `retryMs`. */
	nak(): void;
	/** Leaves it pending, and to any consumer of the group at once. */
	release(): void;
}

/** How a message is settled. The first call counts. */
export type Settlement = 'ack' | 'rest' | 'release';

export class DeliveredMessage<Value> implements StreamMessage<Value> {
	readonly id: string;
	readonly fields: { readonly [name: string]: Value };
	readonly #settle: (id: string, how: Settlement) => void;
	settled = false;

	constructor(id: string, flat: readonly unknown[], settle: (id: string, how: Settlement) => void) {
		this.id = id;
		const fields: { [name: string]: Value } = Object.create(null);
		for (let i = 0; i < flat.length; i += 2) fields[String(flat[i])] = flat[i + 1] as Value;
		this.fields = fields;
		this.#settle = settle;
	}

	ack(): void {
		this.#once('ack');
	}

	nak(): void {
		this.#once('rest');
	}

	release(): void {
		this.#once('release');
	}

	#once(how: Settlement): void {
		if (this.settled) return;
		this.settled = true;
		this.#settle(this.id, how);
	}
}
