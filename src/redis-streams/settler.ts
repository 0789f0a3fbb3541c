import { systemClock } from '../ports/time.js';
import type { Line } from './line.js';
import type { Settlement } from './message.js';
import type { Argument } from './session.js';

const RETRY_MS = { first: 100, most: 5_000 };

export interface SettlerOptions {
	readonly line: Line;
	readonly stream: string;
	readonly group: string;
	readonly consumer: string;
	/** How long another consumer waits before it takes what is pending, ms. */
	readonly claimAfterMs: number;
	/** The server has it. */
	readonly settled: (id: string) => void;
	readonly failed: (error: unknown) => void;
}

/** Tells the server how messages ended: those that come while it is being told go together, the next time. */
export class Settler {
	readonly #options: SettlerOptions;
	readonly #waiting = new Map<string, Settlement>();
	#telling: Promise<void> | undefined;
	#ending = false;

	constructor(options: SettlerOptions) {
		this.#options = options;
	}

	/** How many the server has not heard of. Bounded by whoever settles. */
	get size(): number {
		return this.#waiting.size;
	}

	settle(id: string, how: Settlement): void {
		this.#waiting.set(id, how);
		this.#telling ??= this.#tell();
	}

	/** Resolves when the server has been told of all, or it failed: what it does not hear of comes again. Never rejects. */
	async end(): Promise<void> {
		this.#ending = true;
		while (this.#telling !== undefined) await this.#telling;
	}

	async #tell(): Promise<void> {
		// After everything that is settled in this turn of the event loop.
		await Promise.resolve();
		for (let pauseMs = RETRY_MS.first; this.#waiting.size > 0; ) {
			try {
				await this.#send(new Map(this.#waiting));
				pauseMs = RETRY_MS.first;
			} catch (error) {
				this.#options.failed(error);
				if (this.#ending) break;
				await pause(pauseMs);
				pauseMs = Math.min(2 * pauseMs, RETRY_MS.most);
			}
		}
		this.#telling = undefined;
	}

	async #send(waiting: ReadonlyMap<string, Settlement>): Promise<void> {
		const { line, stream, group, consumer, claimAfterMs, settled } = this.#options;
		const claim = ['XCLAIM', stream, group, consumer, 0];
		const commands: Readonly<Record<Settlement, (ids: readonly string[]) => readonly Argument[]>> = {
			ack: (ids) => ['XACK', stream, group, ...ids],
			// To claim what one has counts its idle time from now on.
			rest: (ids) => [...claim, ...ids, 'JUSTID'],
			release: (ids) => [...claim, ...ids, 'IDLE', claimAfterMs, 'JUSTID'],
		};
		const groups = (['ack', 'rest', 'release'] as const).map((how) => ({
			how,
			ids: [...waiting].flatMap(([id, settlement]) => (settlement === how ? [id] : [])),
		}));
		await Promise.all(
			groups.map(async ({ how, ids }) => {
				if (ids.length === 0) return;
				await line.send(commands[how](ids));
				for (const id of ids) {
					this.#waiting.delete(id);
					settled(id);
				}
			}),
		);
	}
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => {
		const cancel = systemClock.every(ms, () => {
			cancel();
			resolve();
		});
	});
}
