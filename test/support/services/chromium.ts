import { existsSync } from 'node:fs';
import { type Browser, chromium as engine } from 'playwright-core';
import { missing, type Service } from './find.js';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** It asks nobody anything, and draws without a graphics card. */
const FLAGS = [
	...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
	...['--disable-component-update', '--disable-sync'],
];

/** A headless Chromium: the one that `CHROMIUM` names, else the one that is installed. */
export async function chromium(): Promise<(Service & { readonly browser: Browser }) | undefined> {
	const path = process.env.CHROMIUM ?? PATHS.find((candidate) => existsSync(candidate));
	if (path === undefined) return missing(`no Chromium: none of ${PATHS.join(', ')}`, undefined);
	const browser = await engine.launch({ executablePath: path, args: FLAGS, timeout: 120_000 });
	return { url: path, browser, stop: () => browser.close() };
}
