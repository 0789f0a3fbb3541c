/** A queue of waiting messages in three growing arrays: an object each would make the collector the bottleneck. */
export class Ring {
	#arrivedMs = new Float64Array(1024);
	#enqueuedMs = new Float64Array(1024);
	#key = new Uint32Array(1024);
	#head = 0;
	length = 0;

	push(arrivedMs: number, enqueuedMs: number, key: number): void {
		if (this.length === this.#key.length) this.#grow();
		const i = (this.#head + this.length++) & (this.#key.length - 1);
		this.#arrivedMs[i] = arrivedMs;
		this.#enqueuedMs[i] = enqueuedMs;
		this.#key[i] = key;
	}

	/** When the oldest arrived, when it came into this queue, and its key; of an empty ring they mean nothing. */
	get arrivedMs(): number {
		return this.#arrivedMs[this.#head] as number;
	}
	get enqueuedMs(): number {
		return this.#enqueuedMs[this.#head] as number;
	}
	get key(): number {
		return this.#key[this.#head] as number;
	}

	shift(): void {
		this.#head = (this.#head + 1) & (this.#key.length - 1);
		this.length--;
	}

	#grow(): void {
		const size = this.#key.length;
		const unroll = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
			to.set(from.subarray(this.#head));
			to.set(from.subarray(0, this.#head), size - this.#head);
			return to;
		};
		this.#arrivedMs = unroll(this.#arrivedMs, new Float64Array(size * 2));
		this.#enqueuedMs = unroll(this.#enqueuedMs, new Float64Array(size * 2));
		this.#key = unroll(this.#key, new Uint32Array(size * 2));
		this.#head = 0;
	}
}
