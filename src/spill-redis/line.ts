import { SpillError } from '../ports/spill.js';
import type { Encoded } from './record.js';

/** A script holds up the whole server while it runs, so it is bounded. 1000 records of 200 B take some 5 ms. */
const SCRIPT_MAX_RECORDS = 1_000;
const SCRIPT_MAX_BYTES = 4 * 1024 * 1024;

export interface Placed extends Encoded {
	readonly partition: number;
}

/** An append that waits to be sent, or for the answer. */
export interface Append {
	/** Bytes of it that are not kept yet. */
	readonly left: number;
	/** Settles it, unless it is settled; what is left of it is not sent any more. */
	reject(reason: unknown): void;
}

/** The share of an append in a script. */
export interface Part {
	readonly append: Append;
	readonly records: readonly Placed[];
	/** The server has it. */
	kept(): void;
}

/** Appends in the order in which they came. Bounded by what its user lets in: see {@link Line.bytes}. */
export class Line {
	#appends: Waiting[] = [];
	#bytes = 0;

	/** What waits to be sent. */
	get bytes(): number {
		return this.#bytes;
	}

	/** Resolves when all of the records are kept. Rejects, at the latest after `timeoutMs`. */
	join(records: readonly Placed[], bytes: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#bytes += bytes;
			const leaves = (size: number) => {
				this.#bytes -= size;
			};
			this.#appends.push(new Waiting(records, bytes, { resolve, reject, leaves, timeoutMs, signal }));
		});
	}

	/** Takes what goes into the next script: of the first append at least one record; empty when nothing waits. */
	next(): readonly Part[] {
		const parts: Part[] = [];
		let records = 0;
		let bytes = 0;
		let done = 0;
		for (const append of this.#appends) {
			const part = append.take(SCRIPT_MAX_RECORDS - records, SCRIPT_MAX_BYTES - bytes, parts.length === 0);
			if (part.records.length > 0) parts.push(part);
			records += part.records.length;
			bytes += part.records.reduce((sum, record) => sum + record.bytes, 0);
			if (!append.isTaken) break;
			done++;
		}
		this.#appends = this.#appends.slice(done);
		return parts;
	}
}

interface Settling {
	readonly resolve: () => void;
	readonly reject: (reason: unknown) => void;
	/** These bytes wait to be sent no more. */
	readonly leaves: (bytes: number) => void;
	readonly timeoutMs: number;
	readonly signal: AbortSignal | undefined;
}

class Waiting implements Append {
	left: number;
	#taken = 0;
	#waiting: number;
	#records: readonly Placed[];
	#settled = false;
	readonly #timer: NodeJS.Timeout;
	readonly #giveUp = () => this.reject(this.settling.signal?.reason);

	constructor(
		records: readonly Placed[],
		bytes: number,
		private readonly settling: Settling,
	) {
		this.#records = records;
		this.left = bytes;
		this.#waiting = bytes;
		const { timeoutMs, signal } = settling;
		const message = `redis has not answered the append within ${timeoutMs} ms`;
		this.#timer = setTimeout(() => this.reject(new SpillError(message, { code: 'SPILL_CONNECTION' })), timeoutMs);
		signal?.addEventListener('abort', this.#giveUp);
	}

	get isTaken(): boolean {
		return this.#settled || this.#taken === this.#records.length;
	}

	take(records: number, bytes: number, atLeastOne: boolean): Part {
		const from = this.#taken;
		let size = 0;
		while (!this.isTaken && this.#taken - from < records) {
			const next = (this.#records[this.#taken] as Placed).bytes;
			if (size + next > bytes && !(atLeastOne && this.#taken === from)) break;
			size += next;
			this.#taken++;
		}
		const kept = () => {
			this.left -= size;
			if (this.isTaken) this.#settle(this.settling.resolve);
		};
		this.#leave(size);
		return { append: this, records: this.#records.slice(from, this.#taken), kept };
	}

	reject(reason: unknown): void {
		this.#settle(() => this.settling.reject(reason));
	}

	#leave(bytes: number): void {
		this.#waiting -= bytes;
		this.settling.leaves(bytes);
	}

	#settle(tell: () => void): void {
		if (this.#settled) return;
		this.#settled = true;
		// It may stand in the line a while longer, and must not hold on to what nobody waits for.
		this.#leave(this.#waiting);
		this.#records = [];
		clearTimeout(this.#timer);
		this.settling.signal?.removeEventListener('abort', this.#giveUp);
		tell();
	}
}
