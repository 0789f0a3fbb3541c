import type { SignalSource } from '../../src/index.js';
import { median } from '../group.js';

const READS = 1_000;
const WARM_UP = 100;

/** Reads a lag again and again, one at a time, and prints what one read takes: of the clock, and of this process. */
export async function report(name: string, { read }: SignalSource): Promise<void> {
	for (let n = 0; n < WARM_UP; n++) await read();
	const tookUs: number[] = [];
	const cpu = process.cpuUsage();
	let reading = Number.NaN;
	for (let n = 0; n < READS; n++) {
		const beganMs = performance.now();
		reading = await read();
		tookUs.push((performance.now() - beganMs) * 1_000);
	}
	const { user, system } = process.cpuUsage(cpu);
	const worst = tookUs.toSorted((a, b) => a - b)[Math.floor(0.99 * READS)] as number;
	const figures = [median(tookUs), worst, (user + system) / READS].map((us) => `${us.toFixed(0)} us`);
	console.log(
		`${name.padEnd(10)} reading ${reading}: ${figures[0]} (99 %: ${figures[1]}), of these ${figures[2]} CPU here`,
	);
}
