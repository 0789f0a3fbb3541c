import { memorySpill, SpillError, type SpillStore } from '../../src/index.js';
import type { SpillPlace } from '../../src/testing/index.js';

/** A place that keeps its records while instances come and go, for tests of the suite: correct, and in memory. */
export function shelf({ maxBytes, partitions = 1, several = false }: ShelfOptions): SpillPlace {
	const parts = Array.from({ length: partitions }, () => memorySpill({ maxBytes: Math.floor(maxBytes / partitions) }));
	const owners = new Set<symbol>();
	return {
		store: () =>
			owned(parts, {
				take(owner) {
					if (owners.size > 0 && !owners.has(owner) && !several)
						throw new SpillError('the shelf has an owner already', { code: 'SPILL_OWNED' });
					owners.add(owner);
				},
				leave: (owner) => void owners.delete(owner),
			}),
	};
}

export interface ShelfOptions {
	readonly maxBytes: number;
	readonly partitions?: number;
	/** Whether several may own it at once. */
	readonly several?: boolean;
}

interface Lock {
	take(owner: symbol): void;
	leave(owner: symbol): void;
}

function owned(parts: readonly SpillStore[], lock: Lock): SpillStore {
	const owner = Symbol('an instance');
	let closed = false;
	const part = (partition: number): SpillStore => {
		if (closed) throw new SpillError('the shelf is closed', { code: 'SPILL_CLOSED' });
		return parts[partition] as SpillStore;
	};
	const [first] = parts as [SpillStore];
	return {
		capabilities: { ...first.capabilities, partitions: parts.length },
		async open(options) {
			closed = false;
			const damage = await first.open(options);
			if (closed) throw new SpillError('the shelf is closed', { code: 'SPILL_CLOSED' });
			lock.take(owner);
			return damage;
		},
		async append(batch, options) {
			const place = (key: string) => [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % parts.length;
			for (const partition of parts.keys())
				await part(partition).append(
					batch.filter(({ key }) => place(key) === partition),
					options,
				);
		},
		async read(options) {
			const found = await part(options.partition).read(options);
			return found.map((one) => ({ ...one, partition: options.partition }));
		},
		async ack(partition, upTo) {
			await part(partition).ack(partition, upTo);
		},
		async stats() {
			const all = await Promise.all(parts.map((one) => one.stats()));
			const sum = (figure: 'records' | 'bytes' | 'capacityBytes') =>
				all.reduce((total, stats) => total + (stats[figure] ?? 0), 0);
			const oldest = all.flatMap(({ oldestEnqueuedAtMs }) => oldestEnqueuedAtMs ?? []);
			return {
				...(all[0] as Awaited<ReturnType<SpillStore['stats']>>),
				records: sum('records'),
				bytes: sum('bytes'),
				capacityBytes: sum('capacityBytes'),
				oldestEnqueuedAtMs: oldest.length > 0 ? Math.min(...oldest) : null,
			};
		},
		async close() {
			closed = true;
			lock.leave(owner);
		},
	};
}
