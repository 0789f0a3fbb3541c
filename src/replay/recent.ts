/** The last so many ids. */
export class Recent {
	readonly #max: number;
	readonly #ids = new Set<string>();

	constructor(max: number) {
		this.#max = max;
	}

	has(id: string): boolean {
		return this.#ids.has(id);
	}

	add(id: string): void {
		this.#ids.delete(id);
		this.#ids.add(id);
		// A set keeps the order in which its members came.
		for (const oldest of this.#ids) {
			if (this.#ids.size <= this.#max) return;
			this.#ids.delete(oldest);
		}
	}
}
