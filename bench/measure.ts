/** Measures one group in a process of its own. Arguments: the group, ms per case and round, rounds. */
import { measure } from 'mitata';
import type { Case, Measured } from './group.js';
import { median } from './group.js';
import { groups } from './groups/index.js';

// CPU time: others on the machine cost it little accuracy, and the collector's own threads are counted in.
function cpuNs(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) * 1_000;
}

/** A sample lasts some hundred microseconds, so that the clock's steps do not show. */
const MESSAGES_PER_SAMPLE = 8_192;
const WARM_UP = 20_000;

async function nsPerMessage({ run, messages = 1 }: Case, ms: number): Promise<number> {
	const { p50 } = await measure(run, {
		now: cpuNs,
		min_cpu_time: ms * 1e6,
		batch_samples: Math.ceil(MESSAGES_PER_SAMPLE / messages / 4) * 4,
		batch_threshold: Number.POSITIVE_INFINITY,
	});
	return p50 / messages;
}

const CHUNKS = 20;
const CHUNK = 50_000;

/** The median of chunks: a collection in the middle of one spoils it. */
function bytesPerRun(run: () => unknown): number {
	globalThis.gc?.();
	const chunks = Array.from({ length: CHUNKS }, () => {
		const before = process.memoryUsage().heapUsed;
		for (let i = 0; i < CHUNK; i++) run();
		return process.memoryUsage().heapUsed - before;
	});
	return Math.round(median(chunks) / CHUNK);
}

async function measured(cases: readonly Case[], ms: number, rounds: number): Promise<readonly Measured[]> {
	for (const { run, messages = 1 } of cases) for (let i = 0; i < WARM_UP; i += messages) await run();
	const ns = cases.map((): number[] => []);
	// Round by round, so that whatever the machine does meets all cases alike.
	for (let round = 0; round < rounds; round++) {
		for (const [i, one] of cases.entries()) ns[i]?.push(await nsPerMessage(one, ms));
	}
	return cases.map(({ name, goal, heap, run }, i) => ({
		name,
		goal,
		ns: ns[i] ?? [],
		bytes: heap ? bytesPerRun(run) : undefined,
	}));
}

const [name = '', ms = '', rounds = ''] = process.argv.slice(2);
const group = groups[name];
if (group === undefined) throw new Error(`there is no group "${name}"`);
// The libraries compared with may leave timers behind.
process.send?.(await measured(await group.cases(), Number(ms), Number(rounds)), () => process.exit());
