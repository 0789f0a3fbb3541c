import type { ServerResponse } from 'node:http';

/** How many pages are told in one turn of the event loop: each costs a system call, and the host has other work. */
const TOLD_PER_TURN = 10;
/** A page that has not read for this many editions is gone; it connects again by itself if not. */
const MISSED_MAX = 60;

/** What there is to tell, written down once, however many pages there are. */
export interface Edition {
	/** What has changed since the edition before. */
	readonly news: Buffer;
	/** Everything, for a page that has missed some. */
	readonly whole: () => Buffer;
}

/**
 * The pages that follow. One that reads slowly is not told more until it has read what it has, so it costs at most one
 * edition of memory, and those share the same bytes.
 */
export class Viewers {
	readonly #max: number;
	/** The number of the edition that each page was told last. */
	readonly #told = new Map<ServerResponse, number>();
	#number = 0;
	#edition: Edition | undefined;
	#telling: NodeJS.Immediate | undefined;

	constructor(max: number) {
		this.#max = max;
	}

	get full(): boolean {
		return this.#told.size >= this.#max;
	}

	get count(): number {
		return this.#told.size;
	}

	add(response: ServerResponse, whole: Buffer): void {
		this.#told.set(response, this.#number);
		response.once('close', () => this.#told.delete(response));
		// A broken connection closes, and that is all there is to do about it.
		response.on('error', () => {});
		response.write(whole);
	}

	tell(edition: Edition): void {
		this.#number++;
		this.#edition = edition;
		if (this.#telling === undefined) this.#go();
	}

	end(): void {
		clearImmediate(this.#telling);
		for (const response of this.#told.keys()) response.end();
		this.#told.clear();
	}

	#go(): void {
		this.#telling = undefined;
		let turn = 0;
		for (const [response, number] of this.#told) {
			const missed = this.#number - number - 1;
			if (missed < 0) continue;
			if (response.writableNeedDrain) {
				if (missed >= MISSED_MAX) response.destroy();
				continue;
			}
			if (turn++ === TOLD_PER_TURN) {
				this.#telling = setImmediate(() => this.#go());
				return;
			}
			const { news, whole } = this.#edition as Edition;
			this.#told.set(response, this.#number);
			response.write(missed === 0 ? news : whole());
		}
	}
}

/** A server-sent event. JSON has no line breaks, which would end it early. */
export const eventOf = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
