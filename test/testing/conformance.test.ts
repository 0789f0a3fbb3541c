import { describe, it } from 'vitest';
import { memorySpill } from '../../src/index.js';
import { spillStoreConformance } from '../../src/testing/index.js';

describe('memorySpill', () => {
	const cases = spillStoreConformance({
		durability: 'process',
		volatile: true,
		place({ maxBytes }) {
			const store = memorySpill({ maxBytes });
			return { store: () => store };
		},
	});
	for (const { name, run, timeoutMs } of cases) it(name, run, timeoutMs);
});
