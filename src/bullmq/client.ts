import type { Must } from '../core/errors.js';

/** What is needed of a queue; `Queue` of `bullmq` 5 and 6 is one. */
export interface BullmqQueue {
	getJobCounts(...states: BullmqState[]): Promise<{ readonly [state: string]: number }>;
	/** BullMQ 6 counts what is due before a time; earlier ones take no argument and count everything. */
	getDelayedCount(beforeMs?: number): Promise<number>;
	getJobs(states: BullmqState[], start: number, end: number, asc: boolean): Promise<(BullmqJob | undefined)[]>;
	/** BullMQ 5. */
	readonly client?: PromiseLike<unknown>;
	readonly toKey?: (name: string) => string;
}

/** States of jobs that are counted or looked at. */
export type BullmqState = 'waiting' | 'prioritized' | 'active' | 'delayed';

/** What is needed of a worker; `Worker` of `bullmq` 5 and 6 is one. */
export interface BullmqWorker {
	readonly concurrency: number;
	isPaused(): boolean;
	isRunning(): boolean;
	pause(doNotWaitActive?: boolean): Promise<void>;
	resume(): void | Promise<void>;
	run(): Promise<void>;
	on(event: 'closed', listener: () => void): unknown;
}

/** What is needed of a job; `Job` of `bullmq` 5 and 6 is one. */
export interface BullmqJob {
	readonly data: unknown;
	/** Epoch ms at which it was added. */
	readonly timestamp: number;
	readonly opts: { readonly delay?: number | undefined };
	/** How often it failed. */
	readonly attemptsMade: number;
	/** How often it was begun. */
	readonly attemptsStarted: number;
	moveToDelayed(atMs: number, token?: string): Promise<void>;
}

/** Notes a problem with what is no queue. */
export function mustBeQueue(must: Must, queue: BullmqQueue): void {
	const isQueue = typeof queue?.getJobCounts === 'function' && typeof queue.getDelayedCount === 'function';
	must(isQueue, 'queue', queue, 'a queue of bullmq: it has no getJobCounts or getDelayedCount');
}
