import type { SpillRecord } from '../../src/index.js';

export const record = (n: number, more: Partial<SpillRecord> = {}): SpillRecord => ({
	id: `id-${n}`,
	key: `key-${n % 3}`,
	payload: new Uint8Array(10).fill(n),
	enqueuedAtMs: 1_000 + n,
	...more,
});
export const range = (length: number, from = 0): number[] => Array.from({ length }, (_, n) => n + from);
export const records = (length: number, from = 0): SpillRecord[] => range(length, from).map((n) => record(n));
