/** How the flow of new messages is stopped and started again: a consumer, a subscription, a listener (rule M8). */
export interface Intake {
	/** Stops new deliveries. Idempotent. What is already delivered (at most {@link residual}) may still arrive. */
	pause(): void | Promise<void>;
	/** Lets deliveries flow again. Idempotent. */
	resume(): void | Promise<void>;
	/** Tells when the broker assigned anew (a rebalance, a reconnect), so that the desired state is asserted again. */
	onAssignmentChange?(listener: () => void): () => void;
	/** Most messages that may still be delivered after `pause()` has resolved. */
	readonly residual?: number | undefined;
}
