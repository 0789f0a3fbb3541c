import type { Spilled, SpillRecord, SpillStore } from '../../ports/spill.js';
import { assure, assureIs, assureRecords } from './assert.js';
import { assureFigures } from './figures.js';
import { ackAll, keysOf, ofKey, record, waiting } from './records.js';
import type { SpillPlace } from './subject.js';
import type { Trial } from './trial.js';

/** One step of a random series. A share, 0..1, chooses among the records that there are by then. */
export type Operation =
	| { readonly kind: 'append'; readonly records: readonly { readonly key: string; readonly bytes: number }[] }
	| {
			readonly kind: 'read';
			readonly share: number;
			readonly maxRecords: number;
			readonly maxBytes: number | undefined;
	  }
	| { readonly kind: 'ack'; readonly share: number }
	| { readonly kind: 'drain' }
	| { readonly kind: 'reopen' };

/** What a partition has ever given back, and how many of these are acknowledged. */
interface Known {
	readonly all: Spilled[];
	acked: number;
}

/** A store beside a model of it: one list a partition, filled as the store tells where it put a record. */
export class Compared {
	readonly #partitions = new Map<number, Known>();
	#store: SpillStore | undefined;
	#next = 0;

	constructor(
		private readonly trial: Trial,
		private readonly place: SpillPlace,
	) {}

	async open(): Promise<void> {
		this.#store = await this.trial.open(this.place);
	}

	/** @throws when the store and the model part. */
	async run(operation: Operation): Promise<void> {
		switch (operation.kind) {
			case 'append':
				await this.#append(operation.records.map((shape) => record(this.#next++, shape)));
				break;
			case 'read':
				for (const [partition, known] of this.#partitions) await this.#read(partition, known, operation);
				break;
			case 'ack':
				for (const [partition, known] of this.#partitions) await this.#ack(partition, known, operation.share);
				break;
			case 'drain':
				await ackAll(this.#open, await waiting(this.#open));
				for (const known of this.#partitions.values()) known.acked = known.all.length;
				break;
			case 'reopen':
				await this.#open.close();
				await this.open();
				break;
		}
		await this.#agree(`after the operation ${JSON.stringify(operation.kind)}`);
	}

	async end(): Promise<void> {
		await assureFigures(this.#open, 'after a series of operations');
		await this.#open.close();
	}

	get #open(): SpillStore {
		assure(this.#store !== undefined, 'the store was never opened');
		return this.#store;
	}

	async #append(batch: readonly SpillRecord[]): Promise<void> {
		await this.#open.append(batch);
		const ids = new Set(batch.map(({ id }) => id));
		const found = (await waiting(this.#open)).filter(({ id }) => ids.has(id));
		assureIs(found.length, batch.length, 'the number of records of a batch that came back');
		for (const key of keysOf(batch)) assureRecords(ofKey(found, key), ofKey(batch, key), `what was appended to ${key}`);
		for (const one of found) {
			const known = this.#partitions.get(one.partition) ?? { all: [], acked: 0 };
			known.all.push(one);
			this.#partitions.set(one.partition, known);
		}
	}

	async #read(partition: number, { all, acked }: Known, { share, maxRecords, maxBytes }: Operation & { kind: 'read' }) {
		const from = Math.floor(share * (all.length + 1));
		const left = all.slice(Math.max(from, acked));
		const found = await this.#open.read({
			partition,
			after: all[from - 1]?.cursor,
			maxRecords,
			...(maxBytes === undefined ? {} : { maxBytes }),
		});
		assure(
			found.length <= maxRecords && found.length >= Math.min(1, left.length),
			`a read of at most ${maxRecords} gave ${found.length} of ${left.length} records`,
		);
		assureRecords(found, left.slice(0, found.length), `a read after ${from} of ${all.length} records`);
	}

	/** Acknowledges any record, also one that is acknowledged already. */
	async #ack(partition: number, known: Known, share: number): Promise<void> {
		const upTo = Math.floor(share * known.all.length);
		const { cursor } = known.all[upTo] as Spilled;
		await this.#open.ack(partition, cursor);
		known.acked = Math.max(known.acked, upTo + 1);
	}

	async #agree(when: string): Promise<void> {
		const found = await waiting(this.#open);
		let expected = 0;
		for (const [partition, { all, acked }] of this.#partitions) {
			const mine = found.filter((one) => one.partition === partition);
			assureRecords(mine, all.slice(acked), `partition ${partition} ${when}`);
			expected += all.length - acked;
		}
		assureIs(found.length, expected, `the number of records ${when}`);
	}
}
