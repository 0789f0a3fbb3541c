/**
 * The partition of a key, 0 .. partitions - 1: FNV-1a over its UTF-16 code units. It is stored with the records of a
 * store, so it must never change.
 */
export function partitionOf(key: string, partitions: number): number {
	let hash = 0x811c9dc5;
	for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
	return (hash >>> 0) % partitions;
}
