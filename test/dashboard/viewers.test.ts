import { afterEach, describe, expect, it, vi } from 'vitest';
import { dashboardHandler, serveDashboard } from '../../src/dashboard/index.js';
import type { Hello, Snapshot } from '../../src/dashboard/snapshot.js';
import { defineLadder } from '../../src/index.js';
import { until } from '../support/services.js';
import { ask, events, ladder, subject } from './subject.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
	vi.restoreAllMocks();
	for (const end of ends.splice(0).reverse()) await end();
});

async function served(options: Parameters<typeof serveDashboard>[1] = {}) {
	const it = subject();
	await it.shedder.check();
	const stats = vi.spyOn(it.shedder, 'stats');
	const page = await serveDashboard(it.shedder, { everyMs: 100, historyMs: 60_000, ...options });
	ends.push(
		() => it.shedder.stop(),
		() => page.close(),
	);
	return { ...it, stats, page };
}

/** A page that follows and counts what it hears. */
function follower(url: string) {
	const abort = new AbortController();
	const heard: { hellos: Hello[]; ticks: Snapshot[] } = { hellos: [], ticks: [] };
	const end = (async () => {
		try {
			for await (const { name, data } of events(url, abort.signal)) {
				if (name === 'hello') heard.hellos.push(data as Hello);
				else heard.ticks.push(data as Snapshot);
			}
		} catch (error) {
			if (!abort.signal.aborted) throw error;
		}
	})();
	ends.push(() => {
		abort.abort();
		return end;
	});
	return heard;
}

describe('the pages that follow', () => {
	it('are welcomed with what they need, and told once a tick', async () => {
		const { page, readings, shedder } = await served({ title: 'trades' });
		const heard = follower(page.url);
		await until('a welcome and a tick', () => heard.ticks.length > 1);
		expect(heard.hellos).toHaveLength(1);
		expect(heard.hellos[0]).toMatchObject({
			title: 'trades',
			everyMs: 100,
			historyMs: 60_000,
			overrideMaxMs: null,
			priorities: ['critical', 'normal', 'low'],
			levels: [
				{ name: 'NORMAL', changes: 'everything on' },
				{ name: 'SOFT', changes: 'enrichment off' },
				{ name: 'GRACEFUL', changes: 'low: drop' },
				{ name: 'AGGRESSIVE', changes: 'normal: spill' },
				{ name: 'CIRCUIT_BREAK', changes: 'intake paused' },
			],
		});
		readings.lag = 120;
		await shedder.check();
		await until('the level', () => heard.ticks.at(-1)?.level === 1);
		expect(heard.ticks.at(-1)).toMatchObject({ demand: 1, signals: [120, 0.5] });
	});

	it('cost one picture of the shedder a tick, however many they are', async () => {
		const { page, stats } = await served();
		const pages = Array.from({ length: 200 }, () => follower(page.url));
		await until('200 welcomes', () => pages.every(({ ticks }) => ticks.length > 0), 60_000);
		const before = pages.map(({ ticks }) => ticks.at(-1)?.atMs ?? 0);
		const calls = stats.mock.calls.length;
		await until('five more ticks for all', () => pages.every(({ ticks }, i) => newer(ticks, before[i]) >= 5), 60_000);
		// A page has heard at least five of the pictures taken since; 200 pages may not have asked for more than the ticks.
		const seen = new Set(pages.flatMap(({ ticks }) => ticks.map(({ atMs }) => atMs)));
		const taken = stats.mock.calls.length - calls;
		const ticks = [...seen].filter((atMs) => atMs > Math.min(...before)).length;
		expect(taken).toBeLessThanOrEqual(ticks + 3);
	}, 120_000);

	it('cost nothing to write for while there are none', async () => {
		const { stats } = await served();
		const stringify = vi.spyOn(JSON, 'stringify');
		await until('three ticks', () => stats.mock.calls.length > 3);
		expect(stringify.mock.calls.filter(([data]) => Object(data).severity !== undefined)).toEqual([]);
	});

	it('that come late have the history', async () => {
		const { page, stats } = await served();
		await until('five ticks', () => stats.mock.calls.length >= 6);
		const heard = follower(page.url);
		await until('a welcome', () => heard.hellos.length === 1);
		const [hello] = heard.hellos;
		expect(hello?.history.atMs.length).toBeGreaterThanOrEqual(5);
		expect(new Set(Object.values(hello?.history ?? {}).map(({ length }) => length)).size).toBe(1);
	});

	it('have a history of a bounded length', async () => {
		const { page, stats } = await served({ historyMs: 300 });
		await until('ten ticks', () => stats.mock.calls.length >= 10);
		const heard = follower(page.url);
		await until('a welcome', () => heard.hellos.length === 1);
		expect(heard.hellos[0]?.history.atMs).toHaveLength(3);
	});

	it('are told of another ladder, and start anew with it', async () => {
		const { page, shedder } = await served();
		const heard = follower(page.url);
		await until('a few ticks', () => heard.ticks.length > 3);
		shedder.reload(defineLadder({ ...ladder.spec, levels: ladder.spec.levels.slice(0, 3) }));
		await until('a second welcome', () => heard.hellos.length === 2);
		expect(heard.hellos[1]?.levels.map(({ name }) => name)).toEqual(['NORMAL', 'SOFT', 'GRACEFUL']);
		expect(heard.hellos[1]?.history.atMs).toHaveLength(1);
	});

	it('are not more than they may be', async () => {
		const { page } = await served({ viewersMax: 2 });
		const pages = [follower(page.url), follower(page.url)];
		await until('two pages', () => pages.every(({ ticks }) => ticks.length > 0));
		expect(await ask(`${page.url}events`)).toMatchObject({ status: 503, text: 'too many pages follow already\n' });
	});

	it('are ended with the page', async () => {
		const { page } = await served();
		const heard = follower(page.url);
		await until('a page', () => heard.ticks.length > 0);
		await page.close();
		await expect(ask(page.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
	});
});

describe('a handler that is closed', () => {
	it('leaves no timer', async () => {
		const { shedder } = subject();
		const stats = vi.spyOn(shedder, 'stats');
		const handler = dashboardHandler(shedder, { everyMs: 100 });
		await until('a tick', () => stats.mock.calls.length > 1);
		handler.close();
		handler.close();
		const calls = stats.mock.calls.length;
		await new Promise((resolve) => setTimeout(resolve, 250));
		expect(stats.mock.calls.length).toBe(calls);
		await shedder.stop();
	});
});

const newer = (ticks: readonly Snapshot[], thanMs = 0): number => ticks.filter(({ atMs }) => atMs > thanMs).length;
