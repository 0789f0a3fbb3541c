import { performance } from 'node:perf_hooks';

const WARM_UP = 20;
const READS = 300;

/**
 * Prints what one reading of a lag costs, one after the other: the time that it takes, and the CPU time of this process. The
 * broker's own is not in it.
 */
export async function measureReads(client: string, read: () => number | Promise<number>): Promise<void> {
	for (let i = 0; i < WARM_UP; i++) await read();
	const before = process.cpuUsage();
	const times: number[] = [];
	for (let i = 0; i < READS; i++) {
		const sinceMs = performance.now();
		const lag = await read();
		times.push(performance.now() - sinceMs);
		if (!Number.isFinite(lag)) throw new Error(`${client}: a lag that is unknown costs something else`);
	}
	const { user, system } = process.cpuUsage(before);
	times.sort((a, b) => a - b);
	const ms = (share: number) => (times[Math.floor(share * times.length)] as number).toFixed(2);
	const cpuMs = ((user + system) / 1000 / READS).toFixed(2);
	process.stdout.write(
		`${client}: half of the reads within ${ms(0.5)} ms, 99 % within ${ms(0.99)} ms; ${cpuMs} ms of CPU each\n`,
	);
}
