/** The keys of a place, each list preceded by its length as `EVAL` wants it. One hash tag: a script reaches all of them. */
export interface Keys {
	readonly meta: readonly [number, string];
	readonly all: readonly [number, ...string[]];
	/** The hash and the stream of a partition. */
	with(partition: number): readonly [number, string, string];
	stream(partition: number): string;
}

export function keysOf(name: string, partitions: number): Keys {
	const meta = `brownout:{${name}}:meta`;
	const streams = Array.from({ length: partitions }, (_, n) => `brownout:{${name}}:${n}`);
	const stream = (partition: number) => streams[partition] as string;
	return {
		meta: [1, meta],
		all: [1 + partitions, meta, ...streams],
		with: (partition) => [2, meta, stream(partition)],
		stream,
	};
}
