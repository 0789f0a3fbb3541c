import process from 'node:process';

/** What a shell is told of a program that a signal has ended: 128 and its number. */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** A Ctrl-C comes twice where npx passes on what the terminal has sent to all: that is one. */
const SAME_WITHIN_MS = 200;
/** To remove what was made may take so long. */
const CLEAN_UP_WITHIN_MS = 10_000;

/**
 * Runs what makes something that has to be removed again. SIGINT and SIGTERM abort it; then the process exits with 130 or
 * 143, as soon as `run` has settled, after ten seconds, or at the next such signal.
 *
 * @param heard  told at once.
 * @returns what `run` returns, unless it was interrupted.
 */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>, heard: () => void): Promise<T> {
	const interruption = new AbortController();
	let heardAtMs = Number.NaN;
	let code = 0;
	const hear = (name: NodeJS.Signals) => {
		const nowMs = performance.now();
		if (nowMs - heardAtMs > SAME_WITHIN_MS) process.exit(code);
		if (code !== 0) return;
		heardAtMs = nowMs;
		code = CODES[name as keyof typeof CODES];
		setTimeout(() => exit('it takes too long'), CLEAN_UP_WITHIN_MS);
		heard();
		interruption.abort();
	};
	const exit = (trouble: string): never => {
		process.stderr.write(`brownout: not all was removed, ${trouble}; what is left is called brownout-demo-...\n`);
		process.exit(code);
	};
	const names = Object.keys(CODES) as (keyof typeof CODES)[];
	for (const name of names) process.on(name, hear);
	try {
		const result = await run(interruption.signal);
		if (code !== 0) process.exit(code);
		return result;
	} catch (error) {
		if (code === 0) throw error;
		if (error === interruption.signal.reason) process.exit(code);
		return exit(error instanceof Error ? error.message : String(error));
	} finally {
		for (const name of names) process.off(name, hear);
	}
}

/** Rejects when the signal is aborted. What is raced against it goes on, and is closed by whoever has started it. */
export function aborted(signal: AbortSignal): Promise<never> {
	return new Promise((_, reject) => {
		if (signal.aborted) reject(signal.reason);
		signal.addEventListener('abort', () => reject(signal.reason), { once: true });
	});
}
