import type { Intake, SignalSource } from '../../index.js';
import type { Handle, Shedder } from './brokers/broker.js';
import type { GeneratorReport, LoadPlan } from './generator.js';

/** Starts the other process, which runs `generate` by this plan. */
export type StartGenerator = (plan: LoadPlan) => import('node:child_process').ChildProcess;

/** Where the messages of a real load come from. */
export interface LoadSource {
	/** How they get here, in words. */
	readonly where: string;
	/** Messages that wait. */
	readonly lag: SignalSource | (() => number);
	/** Whether they become fewer while the intake is paused: only what waits in this process does. */
	readonly fallsWhilePaused: boolean;
	readonly intake: Intake;
	/** Starts the generator and hands what it sends to the shedder. @param failed  told what goes wrong beside the messages. */
	start(shedder: Shedder, handle: Handle, failed: (error: unknown) => void): Promise<void>;
	/** Messages that have come so far, and how many of them wait, as far as it is known without asking. */
	counts(): { readonly arrived: number; readonly waiting: number };
	/** Ends the generator and waits until everything that it has sent was delivered. */
	finish(): Promise<Delivery>;
	/** Ends everything. Idempotent. */
	close(): Promise<void>;
}

/** What is known in the end. */
export interface Delivery {
	/** What the generator says; `undefined` when it did not get to say it. */
	readonly report: GeneratorReport | undefined;
	/** Messages that a broker still holds, by its own account. */
	readonly left: number;
}
