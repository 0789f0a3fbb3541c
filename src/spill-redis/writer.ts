import { SpillError, SpillFullError } from '../ports/spill.js';
import type { Account } from './account.js';
import type { Argument, Calls } from './calls.js';
import type { Keys } from './keys.js';
import type { Lease } from './lease.js';
import { type Append, Line, type Part, type Placed } from './line.js';
import type { Options } from './options.js';
import { APPEND } from './scripts.js';

/**
 * Appends in the order of the calls, one script at a time. What is appended meanwhile goes into the next script together:
 * the server syncs its log once for each, so that many small appends cost little more than one.
 */
export class Writer {
	readonly #line = new Line();
	#largest = 0;
	/** Goes on with the next owner: the server only wants it to rise. */
	#seq = 0;
	#running: Promise<void> | undefined;

	constructor(
		private readonly options: Options,
		private readonly calls: Calls,
		private readonly keys: Keys,
		private readonly lease: Lease,
		private readonly account: Account,
	) {}

	/** The bytes of the largest record that may wait. */
	get largest(): number {
		return Math.max(this.#largest, this.lease.largest);
	}

	/** @throws SpillError; the reason of the signal. */
	append(records: readonly Placed[], signal: AbortSignal | undefined): Promise<void> {
		const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
		const { maxPendingBytes, timeoutMs } = this.options;
		const pending = this.#line.bytes + this.calls.pendingBytes;
		if (pending > 0 && pending + bytes > maxPendingBytes)
			throw new SpillError(
				`${pending} bytes are under way to redis: ${bytes} more are above maxPendingBytes, ${maxPendingBytes}`,
				{ code: 'SPILL_BUSY' },
			);
		const settled = this.#line.join(records, bytes, timeoutMs, signal);
		this.#running ??= this.#run();
		return settled;
	}

	/** Resolves when nothing waits to be sent any more, and what was sent is answered or given up. */
	async idle(): Promise<void> {
		await this.#running;
	}

	/** Never rejects: every failure is that of an append. */
	async #run(): Promise<void> {
		// What is appended in the same turn goes along with the first.
		await Promise.resolve();
		for (let parts = this.#line.next(); parts.length > 0; parts = this.#line.next()) {
			try {
				await this.#write(parts);
			} catch (error) {
				for (const { append } of parts) append.reject(error);
			}
		}
		this.#running = undefined;
	}

	async #write(parts: readonly Part[]): Promise<void> {
		const taken = await this.#send(parts);
		if (taken === undefined) return;
		// Together they do not fit. We are the only ones who write, so these do: room can only have grown meanwhile.
		let room = this.options.maxBytes - taken;
		const fitting = parts.filter(({ append }) => {
			const fits = append.left <= room;
			if (fits) room -= append.left;
			else append.reject(this.#full(taken, append));
			return fits;
		});
		if (fitting.length === 0) return;
		const stillTaken = await this.#send(fitting);
		if (stillTaken !== undefined) for (const { append } of fitting) append.reject(this.#full(stillTaken, append));
	}

	/** @returns how many bytes are taken when there is no room for all of them; `undefined` when they are kept. */
	async #send(parts: readonly Part[]): Promise<number | undefined> {
		const records = parts.flatMap((part) => part.records);
		const needed = parts.reduce((sum, { append }) => sum + append.left, 0);
		const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
		const largest = records.reduce((most, record) => Math.max(most, record.bytes), 0);
		this.#largest = Math.max(this.#largest, largest);
		const seq = ++this.#seq;
		const { token } = this.lease;
		const limits = [seq, Math.floor(this.options.maxBytes), needed, largest];
		const args: [number, ...Argument[]] = [...this.keys.all, token, ...limits];
		for (const record of records) args.push(record.partition, record.bytes, record.texts, record.payload);
		const confirmed = this.account.seq;
		const [outcome, told, more] = await this.calls.script('append', APPEND, args, { bytes });
		if (outcome === 'full') return Number(told);
		if (outcome === 'lost') throw this.lease.lost(token, told, more);
		this.account.compare(confirmed, Number(told), Number(more) - records.length);
		this.account.kept(seq, records.length);
		for (const part of parts) part.kept();
		return undefined;
	}

	#full(taken: number, { left }: Append): SpillFullError {
		const { name, maxBytes } = this.options;
		return new SpillFullError(
			`the redis spill "${name}" is full: ${taken} of ${maxBytes} bytes are taken and the batch needs ${left}`,
		);
	}
}
