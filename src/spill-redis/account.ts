/**
 * What the server should have, by its own answers. A server that comes back without some of it, such as a replica that was
 * promoted, tells so by a lower number of the last append.
 */
export class Account {
	/** Records that wait. At least: an append without an answer may be there all the same. */
	#records = 0;
	#seq = 0;
	#missing = 0;

	/** Records that were resolved, not acknowledged, and are gone. */
	get missing(): number {
		return this.#missing;
	}

	kept(seq: number, records: number): void {
		this.#seq = seq;
		this.#records += records;
	}

	freed(records: number): void {
		this.#records = Math.max(0, this.#records - records);
	}

	/** The last append that was answered. */
	get seq(): number {
		return this.#seq;
	}

	/** Compares the `seq` from before the question with the answer. */
	compare(before: number, seq: number, records: number): void {
		if (seq >= before) return;
		this.#missing += Math.max(0, this.#records - records);
		this.#seq = seq;
		this.#records = records;
	}

	/** Begins anew with what is there. @param expected nobody else can have taken anything away. */
	begin(records: number, expected: boolean): void {
		if (expected) this.#missing += Math.max(0, this.#records - records);
		this.#seq = 0;
		this.#records = records;
	}
}
