import type { Page } from 'playwright-core';
import { afterEach, expect, it } from 'vitest';
import { serveDashboard } from '../../src/dashboard/index.js';
import { chromium, describeWith, until } from '../support/services.js';
import { subject, TOKEN } from './subject.js';

/** A busy machine draws slowly. */
const WITHIN_MS = 60_000;

await describeWith(chromium, 'the page in a browser', ({ browser }) => {
	const ends: (() => Promise<unknown>)[] = [];
	afterEach(async () => {
		for (const end of ends.splice(0).reverse()) await end();
	});

	async function opened(options: Parameters<typeof serveDashboard>[1] = {}, viewport = { width: 1280, height: 800 }) {
		const made = subject();
		await made.shedder.check();
		const dashboard = await serveDashboard(made.shedder, { title: 'trades', everyMs: 100, ...options });
		ends.push(
			() => made.shedder.stop(),
			() => dashboard.close(),
		);
		const page = await browser.newPage({ viewport });
		page.setDefaultTimeout(WITHIN_MS);
		ends.push(() => page.close());
		const complaints: string[] = [];
		page.on('console', (message) => {
			if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
		});
		page.on('pageerror', (error) => complaints.push(String(error)));
		await page.goto(dashboard.url);
		await page.locator('#link[data-state="live"]').waitFor();
		return { ...made, dashboard, page, complaints };
	}

	const says = (page: Page, selector: string, text: string | RegExp) =>
		page.locator(selector).filter({ hasText: text }).first().waitFor();

	it('follows a run up through all levels and back, without a complaint', async () => {
		const { page, shedder, readings, clock, complaints } = await opened();
		const handle = shedder.wrap(() => {});
		await says(page, '#level', 'NORMAL');
		await says(page, '#holds', 'Nothing');
		for (const [lag, level] of [
			[150, 'SOFT'],
			[600, 'GRACEFUL'],
			[1_500, 'AGGRESSIVE'],
			[6_000, 'CIRCUIT_BREAK'],
		] as const) {
			readings.lag = lag;
			await clock.advance(1_000);
			await shedder.check();
			expect(shedder.level).toBe(level);
			await says(page, '#level', level);
			await says(page, '#ladder li[aria-current="step"]', level);
			for (const key of ['BHP', 'X']) await handle({ key });
			await handle({ key: 'X', low: true });
		}
		await says(page, '#intake', 'Intake is paused');
		await says(page, '#demand', 'The readings ask for CIRCUIT_BREAK');
		await says(page, '#decisions tr', /top\s*critical, protected/);
		await says(page, '#spill', 'Waiting2');
		expect(await page.title()).toBe('CIRCUIT_BREAK · trades');

		readings.lag = 10;
		await clock.advance(1_000);
		await shedder.check();
		await says(page, '#ladder li:has(.badge:not(.now):visible)', 'NORMAL');
		await says(page, '#holds', /Cooldown.*30 s/);
		await clock.advance(7_000);
		await says(page, '#holds', /Cooldown.*23 s/);
		await clock.advance(23_000);
		await shedder.check();
		await says(page, '#level', 'NORMAL');
		await says(page, '#intake', 'Intake is open');
		const rows = await page.locator('#transitions tr').allInnerTexts();
		expect(rows).toHaveLength(5);
		expect(rows[0]).toMatch(/CIRCUIT_BREAK\s*→\s*NORMAL/);
		expect(rows[4]).toMatch(/NORMAL\s*→\s*SOFT\s*lag 150 ≥ 100/);
		await says(page, '.figure[data-state="good"]', 'Protected shed');
		expect(complaints).toEqual([]);
	}, 180_000);

	it('sets an override that is shown and expires, and ends another one', async () => {
		const { page, shedder, clock, complaints } = await opened({ overrides: { token: TOKEN } });
		await page.locator('#steer summary').click();
		await page.getByRole('combobox', { name: 'Level' }).selectOption('GRACEFUL');
		await page.getByLabel('Minutes').fill('2');
		await page.getByLabel('Reason').fill('deploying <b>now</b>');
		await page.getByLabel('Your name').fill('ana');
		await page.getByLabel('Token').fill(TOKEN);
		await page.getByRole('button', { name: 'Set override' }).click();
		await says(page, '#override-answer', 'The override is in force.');
		await says(page, '#level', 'GRACEFUL');
		// What somebody writes is shown as it is, and never becomes a part of the page.
		await says(page, '#override-now', 'Override: held at GRACEFUL for 2 min more. deploying <b>now</b> (ana)');
		expect(await page.locator('#override-now b').count()).toBe(0);
		expect(shedder.stats().override).toMatchObject({ floor: 'GRACEFUL', ceiling: 'GRACEFUL', actor: 'ana' });

		await clock.advance(120_000);
		await shedder.check();
		await page.locator('#override-now').waitFor({ state: 'hidden' });
		await clock.advance(40_000);
		await shedder.check();
		await says(page, '#level', 'NORMAL');

		await page.getByRole('combobox', { name: 'Hold' }).selectOption('floor');
		await page.getByRole('button', { name: 'Set override' }).click();
		await says(page, '#override-now', 'Override: held from GRACEFUL to CIRCUIT_BREAK');
		await page.getByRole('button', { name: 'End override' }).click();
		await says(page, '#override-answer', 'The override has ended.');
		await page.locator('#override-now').waitFor({ state: 'hidden' });
		expect(complaints).toEqual([]);
	}, 180_000);

	it('tells why an override is refused', async () => {
		const { page, shedder } = await opened({ overrides: { token: TOKEN } });
		await page.locator('#steer summary').click();
		await page.getByLabel('Reason').fill('a guess');
		await page.getByLabel('Token').fill('not-the-right-token');
		await page.getByRole('button', { name: 'Set override' }).click();
		await says(page, '#override-answer[data-state="bad"]', 'the token is wrong');
		expect(shedder.stats().override).toBeNull();
	}, 120_000);

	it('offers no override when it only shows', async () => {
		const { page } = await opened();
		expect(await page.locator('#steer').isVisible()).toBe(false);
	}, 120_000);

	it('says that the connection is lost, and is back by itself when the service is', async () => {
		const { page, shedder, dashboard } = await opened();
		const port = Number(new URL(dashboard.url).port);
		await dashboard.close();
		await says(page, '#link[data-state="lost"]', /Connection lost: figures of \d\d:\d\d:\d\d/);
		const again = await serveDashboard(shedder, { title: 'trades again', everyMs: 100, port });
		ends.push(() => again.close());
		await page.locator('#link[data-state="live"]').waitFor();
		await says(page, 'h1', 'trades again');
	}, 180_000);

	it('can be read without seeing it: landmarks, headings, names, tables, and what is said aloud', async () => {
		const { page, shedder, readings } = await opened({ overrides: { token: TOKEN } });
		for (const role of ['banner', 'main', 'contentinfo'] as const) expect(await page.getByRole(role).count()).toBe(1);
		const regions = ['Level', 'Ladder', 'Override', 'Key figures', 'Over time', 'Last transitions', 'Spill and replay'];
		for (const name of regions) expect(await page.getByRole('region', { name, exact: true }).count()).toBe(1);
		expect(await page.getByRole('listitem').filter({ hasText: 'NORMAL' }).first().getAttribute('aria-current')).toBe(
			'step',
		);
		// Every chart says the same as a table.
		const charts = await page.locator('figure').count();
		expect(charts).toBe(5);
		const table = page.locator('figure', { hasText: 'Signal lag' }).locator('details');
		await table.locator('summary').focus();
		await page.keyboard.press('Enter');
		await says(page, 'figure details[open] caption', 'SOFT: enters at 100, released below 50');
		await until('rows of figures', async () => (await table.locator('tbody tr').count()) > 1, WITHIN_MS);
		// Nothing is said while nothing happens, and a climb is told once.
		expect(await page.locator('#spoken').textContent()).toBe('');
		readings.lag = 1_500;
		for (let i = 0; i < 3; i++) await shedder.check();
		await says(page, '#spoken', 'Level AGGRESSIVE: lag 1.5K ≥ 1K.');
	}, 180_000);

	it('can be used with the keyboard alone, and shows where it is', async () => {
		const { page, shedder } = await opened({ overrides: { token: TOKEN } });
		await page.keyboard.press('Tab');
		expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the figures');
		expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe('solid');
		await page.keyboard.press('Enter');
		expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
		await page.keyboard.press('Tab');
		expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('SUMMARY');
		await page.keyboard.press('Enter');
		for (const text of [undefined, undefined, undefined, 'by keyboard', undefined, TOKEN]) {
			await page.keyboard.press('Tab');
			if (text !== undefined) await page.keyboard.type(text);
		}
		await page.keyboard.press('Enter');
		await until('the override', () => shedder.stats().override?.reason === 'by keyboard', WITHIN_MS);
	}, 120_000);

	it.each([
		[390, 844],
		[1280, 800],
		[2560, 1440],
	])(
		'fits a screen %d px wide, in light and dark, with text that stands out',
		async (width, height) => {
			const { page, shedder, readings } = await opened({ overrides: { token: TOKEN } }, { width, height });
			readings.lag = 6_000;
			for (let i = 0; i < 4; i++) await shedder.check();
			await says(page, '#level', 'CIRCUIT_BREAK');
			for (const colorScheme of ['light', 'dark'] as const) {
				await page.emulateMedia({ colorScheme });
				expect(await page.evaluate(faults)).toEqual([]);
			}
			// The look itself sees what it looks for.
			await page.evaluate(() => {
				document.getElementById('intake')?.style.setProperty('color', '#777');
				document.getElementById('title')?.style.setProperty('min-width', '3000px');
			});
			expect(await page.evaluate(faults)).toEqual([
				expect.stringMatching(/^the page is 3\d{3} px wide/),
				expect.stringMatching(/^intake "Intake is paused": /),
			]);
		},
		120_000,
	);
});

/** Runs in the page: what is wider than the screen, and texts that cannot be told from what they stand on (WCAG AA). */
function faults(): string[] {
	const found: string[] = [];
	const { scrollWidth, clientWidth } = document.documentElement;
	if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} px wide on ${clientWidth}`);
	const pen = document
		.createElement('canvas')
		.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
	/** The colour that these come to, painted on each other. */
	const painted = (colours: readonly string[]) => {
		for (const colour of colours) {
			pen.fillStyle = colour;
			pen.fillRect(0, 0, 1, 1);
		}
		const [r = 0, g = 0, b = 0] = pen.getImageData(0, 0, 1, 1).data;
		const [red = 0, green = 0, blue = 0] = [r, g, b].map((n) =>
			n <= 10 ? n / 3294.6 : ((n / 255 + 0.055) / 1.055) ** 2.4,
		);
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
	};
	for (const element of document.querySelectorAll<HTMLElement>('body *')) {
		const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
		const { disabled } = element as HTMLButtonElement;
		if (!own || disabled || !element.checkVisibility() || element.closest('.hidden, option, .uplot, .skip')) continue;
		const grounds: string[] = [];
		for (let at: HTMLElement | null = element; at !== null; at = at.parentElement)
			grounds.unshift(getComputedStyle(at).backgroundColor);
		const ground = painted(grounds);
		const text = painted([...grounds, getComputedStyle(element).color]);
		const contrast = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
		if (contrast < 4.5) found.push(`${element.className} "${element.textContent}": ${contrast.toFixed(2)}`);
		if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display === 'block')
			found.push(`"${element.textContent}" is cut off`);
	}
	return found;
}
