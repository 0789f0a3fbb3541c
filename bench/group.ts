/** One way to do the work of a group. */
export interface Case {
	readonly name: string;
	/** Does the work once; a promise is awaited. Each case has a closure of its own, so that none slows another down. */
	readonly run: () => unknown;
	readonly goal?: Goal | undefined;
	/** How many messages one `run` handles. Default 1. */
	readonly messages?: number | undefined;
	/** Count the bytes that a run allocates. Synchronous cases only. */
	readonly heap?: boolean | undefined;
}

/** What a case has to keep. */
export interface Goal {
	/** At most this many times the floor's time. */
	readonly ratioMax?: number | undefined;
	/** At most this many bytes allocated per message. */
	readonly bytesMax?: number | undefined;
	/** At least this many per second of CPU time. */
	readonly perSMin?: number | undefined;
}

export interface Group {
	readonly title: string;
	/** The first case is what the others are compared with. Default `true`. */
	readonly hasFloor?: boolean | undefined;
	/** What the cases do. */
	readonly about: string;
	/** Made anew in each process. */
	cases(): Promise<readonly Case[]>;
}

/** What one process measured of one case. */
export interface Measured extends Pick<Case, 'name' | 'goal'> {
	/** CPU time per message, ns, one number per round. */
	readonly ns: readonly number[];
	/** Bytes allocated per message. */
	readonly bytes?: number | undefined;
}

export function median(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
