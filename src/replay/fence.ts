import { positionOf } from '../core/position.js';

/** A collision only spills more, so a few hundred kB are enough for any number of keys. */
const BUCKETS = 1 << 16;

/**
 * Which keys have records waiting (rule M4): while one has, its new sheddable messages are spilled behind them, so that
 * recovery never overtakes the backlog. Keys share buckets by a stable hash, which bounds the memory.
 */
export class Fence {
	/** What an earlier run left behind is not yet counted: every key may have records waiting. */
	counting = true;
	readonly #waiting = new Uint32Array(BUCKETS);
	/** Buckets for which live messages wait behind the backlog. */
	readonly #pressed = new Uint8Array(BUCKETS);
	#pressing = 0;

	/** Live messages wait behind the backlog of some key. */
	get pressing(): boolean {
		return this.#pressing > 0;
	}

	bucketOf(key: string): number {
		return Math.floor(positionOf(key) * BUCKETS);
	}

	/** Whether a new message of this key has to queue up. */
	holds(key: string): boolean {
		return this.counting || this.#waiting[this.bucketOf(key)] !== 0;
	}

	/** A live message has queued up: its key is to be drained first. */
	press(key: string): void {
		const bucket = this.bucketOf(key);
		if (!this.pressed(bucket)) this.#pressing++;
		this.#pressed[bucket] = 1;
	}

	pressed(bucket: number): boolean {
		return this.#pressed[bucket] === 1;
	}

	/** Forgets all counts. */
	clear(): void {
		this.#waiting.fill(0);
		this.#pressed.fill(0);
		this.#pressing = 0;
	}

	/** A record of this key waits. */
	add(key: string): void {
		const bucket = this.bucketOf(key);
		this.#waiting[bucket] = (this.#waiting[bucket] as number) + 1;
	}

	/** What another one has counted waits here as well. */
	addAll(other: Fence): void {
		for (const [bucket, count] of other.#waiting.entries())
			this.#waiting[bucket] = (this.#waiting[bucket] as number) + count;
	}

	/** It does not any more. */
	remove(key: string): void {
		const bucket = this.bucketOf(key);
		const left = Math.max(0, (this.#waiting[bucket] as number) - 1);
		this.#waiting[bucket] = left;
		if (left > 0 || !this.pressed(bucket)) return;
		this.#pressed[bucket] = 0;
		this.#pressing--;
	}
}
