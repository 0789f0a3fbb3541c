import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { SpillError } from '../ports/spill.js';
import type { Account } from './account.js';
import type { Calls } from './calls.js';
import type { Keys } from './keys.js';
import type { Options } from './options.js';
import { RELEASE, RENEW, TAKE } from './scripts.js';
import { verifyServer } from './server.js';

/** The layout of the keys. Another one is refused. */
const VERSION = '1';

/** The right to write to a place: held by one owner at a time, checked by the server with every write. */
export class Lease {
	/** Names the owner to whoever is refused. Another one each time the place is taken. */
	token = '';
	/** Why the place cannot be written to at present. */
	trouble: SpillError | undefined;
	/** The place is not ours, or nobody knows what became of it. It is tried to take it again. */
	isLost = false;
	/** The bytes of the largest record that waited when the place was taken. */
	largest = 0;
	/** The keys were gone, rather than another's. */
	#deleted = false;
	#timer: NodeJS.Timeout | undefined;
	#renewing = false;
	#released = false;

	constructor(
		private readonly options: Options,
		private readonly calls: Calls,
		private readonly keys: Keys,
		private readonly account: Account,
	) {}

	/** Becomes the owner of the place and renews that until it is released. @throws SpillError SPILL_LOCKED, SPILL_FORMAT. */
	async take(signal?: AbortSignal): Promise<void> {
		await this.#take(signal);
		// Given back while the answer was on its way.
		if (this.#released) return;
		clearInterval(this.#timer);
		this.#timer = setInterval(() => void this.#renew(), this.options.leaseMs / 3);
		this.#timer.unref();
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

	/**
	 * A script found that the place does not belong to this token.
	 *
	 * @param owner  whose it is, if anybody's. @param exists `'1'` when there is such a place. @returns a fresh error to throw.
	 */
	lost(token: string, owner: string | undefined, exists: string | undefined): SpillError {
		const deleted = exists !== '1';
		const how = deleted
			? 'has lost its owner, and perhaps what it kept: its keys were deleted'
			: `was taken over by ${owner || 'another owner'} after the lease had ended`;
		const error = new SpillError(`the redis spill "${this.options.name}" ${how}`, { code: 'SPILL_LOCK_LOST' });
		// The answer to what was sent under an earlier token says nothing about this one.
		if (token === this.token) {
			this.isLost = true;
			this.#deleted = deleted;
			this.trouble = error;
		}
		return error;
	}

	async #take(signal?: AbortSignal): Promise<void> {
		const { name, partitions, leaseMs } = this.options;
		// What was sent under the token before must not count as sent by the new owner, though both are this store.
		this.token = `${hostname()} pid ${process.pid} ${randomUUID()}`;
		const args = [...this.keys.all, this.token, VERSION, partitions, leaseMs] as const;
		const [outcome, told, more] = await this.calls.script('lease', TAKE, args, { signal });
		if (outcome === 'locked')
			throw new SpillError(
				`the redis spill "${name}" is owned by ${told}, whose lease ends in ${more} ms unless it is renewed`,
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
		this.largest = Number(told);
		this.account.begin(Number(more), this.#deleted);
		this.isLost = false;
		this.#deleted = false;
		this.trouble = undefined;
	}

	async #extend(): Promise<void> {
		const { token } = this;
		const args = [...this.keys.all, token, this.options.leaseMs] as const;
		const { seq } = this.account;
		const [outcome, told, more] = await this.calls.script('renewal of the lease', RENEW, args);
		if (outcome === 'lost') throw this.lost(token, told, more);
		this.account.compare(seq, Number(told), Number(more));
	}

	/** Never rejects: what is wrong is told to whoever appends. */
	async #renew(): Promise<void> {
		if (this.#renewing) return;
		this.#renewing = true;
		try {
			await verifyServer(this.calls, this.options);
			if (this.isLost) await this.#take();
			else await this.#extend();
			this.trouble = undefined;
		} catch (error) {
			const known = error instanceof SpillError ? error : new SpillError(String(error), { cause: error });
			// Whoever appends while the server is gone finds out by itself, and that it is back as well.
			if (known.code !== 'SPILL_CONNECTION') this.trouble = known;
		} finally {
			this.#renewing = false;
		}
	}
}
