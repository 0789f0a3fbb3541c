import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

const module = new URL('../../src/cli/demo/interruption.ts', import.meta.url).pathname;

/** A program that removes for so long what it has made. It prints a line when it has begun and when it has removed it. */
function program(removesForMs: number, failure = ''): ChildProcess {
	const script = `
		import { setTimeout as sleep } from 'node:timers/promises';
		import { aborted, interruptible } from '${module}';
		const alive = setInterval(() => {}, 1_000);
		await interruptible(async (interruption) => {
			console.log('begun');
			try {
				await aborted(interruption);
			} finally {
				await sleep(${removesForMs});
				if ('${failure}') throw new Error('${failure}');
				console.log('removed');
			}
		}, () => console.log('heard'));`;
	return spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], { stdio: 'pipe' });
}

/** Sends signals, each so many ms after the one before it. */
async function interrupt(child: ChildProcess, ...signals: readonly (readonly [NodeJS.Signals, number])[]) {
	if (child.stdout === null || child.stderr === null) throw new Error('there are pipes');
	const said = [text(child.stdout), text(child.stderr)];
	await once(child.stdout, 'data');
	for (const [signal, afterMs] of signals) {
		await sleep(afterMs);
		child.kill(signal);
	}
	const [code] = await once(child, 'exit');
	const [out, err] = await Promise.all(said);
	return { code, out, err };
}

describe('an interrupted run', { timeout: 60_000 }, () => {
	it.each([
		['SIGINT', 130],
		['SIGTERM', 143],
	] as const)('removes what it has made at %s, and exits with %i', async (signal, code) => {
		expect(await interrupt(program(300), [signal, 0])).toEqual({ code, out: 'begun\nheard\nremoved\n', err: '' });
	});

	it('exits at once at a second signal', async () => {
		const { code, out } = await interrupt(program(60_000), ['SIGINT', 0], ['SIGTERM', 1_000]);
		expect({ code, out }).toEqual({ code: 130, out: 'begun\nheard\n' });
	});

	it('takes a Ctrl-C for one that comes from the terminal and from npx as well', async () => {
		const { code, out } = await interrupt(program(2_000), ['SIGINT', 0], ['SIGINT', 0]);
		expect({ code, out }).toEqual({ code: 130, out: 'begun\nheard\nremoved\n' });
	});

	it('waits no longer than ten seconds', async () => {
		const fromMs = performance.now();
		const { code, err } = await interrupt(program(60_000), ['SIGINT', 0]);
		expect({ code, err }).toEqual({
			code: 130,
			err: 'brownout: not all was removed, it takes too long; what is left is called brownout-demo-...\n',
		});
		expect(performance.now() - fromMs).toBeLessThan(30_000);
	});

	it('says why something could not be removed', async () => {
		const { code, err } = await interrupt(program(0, 'the server is gone'), ['SIGTERM', 0]);
		expect({ code, err }).toEqual({
			code: 143,
			err: 'brownout: not all was removed, the server is gone; what is left is called brownout-demo-...\n',
		});
	});
});
