import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { ALERTS } from '../../scripts/observability/alerts.js';
import { describeWith, until } from '../support/services.js';
import { answersTo } from './support/programme.js';
import { promtool, run } from './support/promtool.js';

vi.setConfig({ testTimeout: 120_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = `${root}examples/observability`;

describe('the example service', () => {
	it('shows its metrics while its load comes and goes, and ends when it is told to', async () => {
		const child = spawn(process.execPath, ['--import', 'tsx', `${folder}/service.ts`], {
			env: { ...process.env, PORT: '0', WAVE_S: '12' },
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		try {
			const lines: string[] = [];
			createInterface(child.stdout).on('line', (line) => lines.push(line));
			await until('it listens', () => lines.length > 0, 60_000);
			const url = lines[0] ?? '';
			await until('it degrades', () => lines.some((line) => line.startsWith('NORMAL -> SOFT')), 60_000);
			const scrape = await (await fetch(url)).text();
			expect(scrape).toMatch(/^brownout_degradation_level\{shedder="quotes"\} [0-4]$/m);
			expect((await fetch(url.replace('/metrics', '/other'))).status).toBe(404);
			child.kill('SIGINT');
			expect(await once(child, 'exit')).toEqual([0, null]);
		} finally {
			child.kill('SIGKILL');
		}
	});
});

await describeWith(promtool, 'the example configuration of Prometheus', () => {
	it('is valid, with its rules', async () =>
		expect(await run(['check', 'config', `${folder}/prometheus.yml`])).toContain('is valid'));
});

const amtool = () => answersTo('amtool', '--version');
await describeWith(amtool, 'the example configuration of Alertmanager', () => {
	const say = async (...args: string[]) => (await promisify(execFile)('amtool', args)).stdout;
	const config = `${folder}/alertmanager.yml`;

	it('is valid', async () => expect(await say('check-config', config)).toContain('SUCCESS'));

	it.each(ALERTS)('sends $name to those who are there for it', async ({ name, severity }) => {
		const labels = [`alertname=${name}`, `severity=${severity}`, 'job=feed', 'shedder=quotes'];
		const receiver = await say('config', 'routes', 'test', `--config.file=${config}`, ...labels);
		expect(receiver.trim()).toBe(severity === 'critical' ? 'night' : 'day');
	});

	it('names only alerts that there are', async () => {
		const named = [...(await readFile(config, 'utf8')).matchAll(/alertname=~?"([^"]+)"/g)];
		const names = named.flatMap(([, list = '']) => list.split('|'));
		expect(names).not.toEqual([]);
		expect(ALERTS.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
	});
});
