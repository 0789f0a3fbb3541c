import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { chromium } from '../test/support/services.js';

/**
 * Takes the pictures of docs/dashboard.md anew: `npm run docs:screenshots [folder]`. Runs the example, waits until it has been
 * through all levels and is on its way down, which takes two minutes, and looks at it with Chromium.
 */
const SIZE_MAX = 200_000;
const SHOTS = [
	{ name: 'desk-light', width: 1280, height: 1160, scale: 1, scheme: 'light' },
	{ name: 'desk-dark', width: 1280, height: 1160, scale: 1, scheme: 'dark' },
	{ name: 'phone-light', width: 390, height: 1400, scale: 1.5, scheme: 'light' },
	// Half as large as it is, as a page shows it.
	{ name: 'wall-dark', width: 2560, height: 1440, scale: 0.5, scheme: 'dark' },
] as const;
const WITHIN_MS = 300_000;

const folder = process.argv[2] ?? 'docs/screenshots';
const found = await chromium();
if (found === undefined) throw new Error('Chromium is needed');
const example = spawn(
	process.execPath,
	['--import', 'tsx', 'examples/dashboard.ts', '--port', '0', '--token', 'only-for-the-picture'],
	{ stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
	const [line] = (await once(createInterface(example.stdout), 'line')) as [string];
	const url = line.match(/http:\S+\//)?.[0] ?? '';
	const pages = [];
	for (const { width, height, scale, scheme } of SHOTS) {
		const page = await found.browser.newPage({
			...{ viewport: { width, height }, deviceScaleFactor: scale, colorScheme: scheme },
		});
		page.setDefaultTimeout(WITHIN_MS);
		await page.goto(url);
		pages.push(page);
	}
	await pages[0]
		?.locator('#transitions tr', { hasText: /CIRCUIT_BREAK\s*→\s*AGGRESSIVE/ })
		.first()
		.waitFor();
	await pages[0]
		?.locator('#holds', { hasText: /Cooldown.*\d s/ })
		.first()
		.waitFor();
	await mkdir(folder, { recursive: true });
	const pictures = await Promise.all(pages.map((page) => page.screenshot()));
	for (const [i, picture] of pictures.entries()) {
		const path = `${folder}/dashboard-${SHOTS[i]?.name}.png`;
		if (picture.length > SIZE_MAX) throw new Error(`${path} has ${picture.length} bytes, more than ${SIZE_MAX}`);
		await writeFile(path, picture);
		process.stdout.write(`${path} ${picture.length} bytes\n`);
	}
} finally {
	example.kill();
	await found.stop();
}
