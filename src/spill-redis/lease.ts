import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { SpillError } from '../ports/spill.js';
import type { Calls } from './calls.js';
import type { Keys } from './keys.js';
import type { Options } from './options.js';
import { RELEASE, RENEW, TAKE } from './scripts.js';
import { verifyServer } from './server.js';

/** The layout of the keys. Another one is refused. */
const VERSION = '1';

/** The right to write to a place: held by one owner at a time, checked by the server with every write. */
export class Lease {
	/** Names the owner to whoever is refused. */
	readonly token = `${hostname()} pid ${process.pid} ${randomUUID()}`;
	/** Why the place cannot be written to at present. */
	trouble: SpillError | undefined;
	#timer: NodeJS.Timeout | undefined;
	#renewing = false;
	#released = false;

	constructor(
		private readonly options: Options,
		private readonly calls: Calls,
		private readonly keys: Keys,
	) {}

	/**
	 * Becomes the owner of the place and renews that until it is released.
	 *
	 * @returns the bytes of the largest record that may wait. @throws SpillError SPILL_LOCKED, SPILL_FORMAT.
	 */
	async take(signal?: AbortSignal): Promise<number> {
		const { name, partitions, leaseMs } = this.options;
		const args = [...this.keys.all, this.token, VERSION, partitions, leaseMs] as const;
		const [outcome, told, leftMs] = await this.calls.script('lease', TAKE, args, { signal });
		if (outcome === 'locked')
			throw new SpillError(
				`the redis spill "${name}" is owned by ${told}, whose lease ends in ${leftMs} ms unless it is renewed`,
				{ code: 'SPILL_LOCKED' },
			);
		if (outcome === 'version')
			throw new SpillError(`the redis spill "${name}" was written in layout ${told}, this is layout ${VERSION}`, {
				code: 'SPILL_FORMAT',
			});
		if (outcome === 'partitions')
			throw new SpillError(
				`the redis spill "${name}" holds records in ${told} partitions: open it with partitions: ${told} until it is drained, not ${partitions}`,
				{ code: 'SPILL_FORMAT' },
			);
		this.trouble = undefined;
		// Given back while the answer was on its way.
		if (this.#released) return Number(told);
		clearInterval(this.#timer);
		this.#timer = setInterval(() => void this.#renew(), leaseMs / 3);
		this.#timer.unref();
		return Number(told);
	}

	/** Gives the place back for good. */
	async release(): Promise<void> {
		this.#released = true;
		clearInterval(this.#timer);
		await this.abandon();
	}

	/** Gives the place back, if it was taken. Harmless when another one owns it. */
	async abandon(): Promise<void> {
		await this.calls.script('release of the lease', RELEASE, [...this.keys.meta, this.token]);
	}

	/** What a script answered when the place is another one's. It stays so. */
	lost(owner: string | undefined): SpillError {
		clearInterval(this.#timer);
		const { name } = this.options;
		this.trouble = new SpillError(
			owner
				? `the redis spill "${name}" was taken over by ${owner} after the lease had ended`
				: `the redis spill "${name}" has lost its owner, and with it perhaps what it kept: its keys were deleted`,
			{ code: 'SPILL_LOCK_LOST' },
		);
		return this.trouble;
	}

	/** Never rejects. A server that does not answer is told to whoever appends; that its settings changed, only here. */
	async #renew(): Promise<void> {
		if (this.#renewing) return;
		this.#renewing = true;
		try {
			const args = [...this.keys.meta, this.token, this.options.leaseMs] as const;
			const [outcome, owner] = await this.calls.script('renewal of the lease', RENEW, args);
			if (outcome === 'lost') {
				this.lost(owner);
				return;
			}
			await verifyServer(this.calls, this.options);
			this.trouble = undefined;
		} catch (error) {
			const known = error instanceof SpillError ? error : new SpillError(String(error), { cause: error });
			// Whoever appends while it is gone finds out by itself, and at once when it is back.
			if (known.code !== 'SPILL_CONNECTION' && this.trouble?.code !== 'SPILL_LOCK_LOST') this.trouble = known;
		} finally {
			this.#renewing = false;
		}
	}
}
