import type { Check } from './check.js';
import { Compared } from './compared.js';

/** How long a series is looked for and made smaller at most, as a share of what the case may take. */
const SEARCH = 0.6;

export const model: readonly Check[] = [
	{
		name: 'agrees with a list in memory about any series of appends, reads, acknowledgements and reopenings',
		run: async (trial) => {
			const { runs, seed, caseTimeoutMs, volatile } = trial.settings;
			// An optional peer: whoever only wants the rest of this entry need not have it.
			const fc = await import('fast-check');
			const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
			const append = fc.record({
				kind: fc.constant('append' as const),
				records: fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), bytes: fc.nat(2_000) }), {
					maxLength: 30,
				}),
			});
			const read = fc.record({
				kind: fc.constant('read' as const),
				share,
				maxRecords: fc.integer({ min: 1, max: 40 }),
				maxBytes: fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
			});
			const operation = fc.oneof(
				{ weight: 4, arbitrary: append },
				{ weight: 3, arbitrary: read },
				{ weight: 3, arbitrary: fc.record({ kind: fc.constant('ack' as const), share }) },
				{ weight: 1, arbitrary: fc.constant({ kind: 'drain' as const }) },
				{ weight: volatile ? 0 : 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
			);
			await fc.assert(
				fc.asyncProperty(fc.array(operation, { maxLength: 20 }), async (operations) => {
					const compared = new Compared(trial, await trial.place());
					await compared.open();
					for (const operation of operations) await compared.run(operation);
					await compared.end();
				}),
				{
					numRuns: runs,
					...(seed === undefined ? {} : { seed }),
					// Neither a slow store nor making a failure smaller may outlast the runner's patience.
					interruptAfterTimeLimit: caseTimeoutMs * SEARCH,
				},
			);
		},
	},
];
