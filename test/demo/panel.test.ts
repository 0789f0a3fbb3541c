import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { classification, SAMPLES } from '../../src/cli/demo/feed.js';
import { compact, percent } from '../../src/cli/demo/format.js';
import { WIDTH } from '../../src/cli/demo/layout.js';
import { createMonitor } from '../../src/cli/demo/monitor.js';
import { changesBetween } from '../../src/cli/demo/narrator.js';
import { panel, statusLine } from '../../src/cli/demo/panel.js';
import { severityOf } from '../../src/cli/demo/scale.js';
import { createStage } from '../../src/cli/demo/stage.js';
import { sixLevels } from '../../src/cli/demo/world.js';
import { createLoadShedder, marketDataLadder, marketDataTiers, memorySpill } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';

const plain = pc.createColors(false);
const gauges = { lag: { label: 'lag', format: compact }, heap: { label: 'heap', format: percent } };

/** A shedder at AGGRESSIVE with one message of each priority behind it, and its monitor. */
async function atAggressive() {
	const clock = manualClock();
	const reading = { lag: 1_200_000 };
	const shedder = createLoadShedder({
		ladder: marketDataLadder,
		signals: { lag: { read: () => reading.lag, fallsWhilePaused: false }, heap: () => 0.5 },
		tiers: marketDataTiers,
		...classification,
		spill: memorySpill(),
		clock,
	});
	const monitor = createMonitor(shedder, {
		gauges,
		nowMs: clock.nowMs,
		counts: () => ({ arrived: 0, finished: 0 }),
		weight: 100,
		traceMs: 1_000,
	});
	const pass = async (ms: number) => {
		await clock.advance(ms);
		await shedder.check();
		monitor.look();
	};
	for (let check = 0; check < 3; check++) await pass(500);
	const handle = shedder.wrap(() => undefined);
	for (const { message } of SAMPLES) await handle(message);
	return { reading, pass, monitor, shedder };
}

describe('the panel of a demo', () => {
	it('shows level, thresholds, what becomes of each priority, and what was shed', async () => {
		const { monitor } = await atAggressive();
		expect(panel(monitor.moment('a title'), plain).map((line) => line.trimEnd())).toEqual([
			'── a title ─────────────────────────────────────────────────────────── 00:01 ──',
			' level        NORMAL  SOFT     GRACEFUL   AGGRESSIVE CIRCUIT_BREAK',
			' lag     1.2M █████████████████┃██████████···········│··············',
			' enter/release        100K/50K 500K/250K 1M/500K     5M/2.5M',
			' heap     50% ██████··│········│┃········│···········│··············',
			' enter/release        70%/63%  80%/72%   90%/81%     95%/86%',
			' history      ▆',
			' intake       open   0/s arrive, 0/s are taken off the queue',
			' features     enrichment off   strictValidation off',
			' recovery     held: lag is not below 500K',
			' priority     who                  now             processed  spilled  dropped',
			' critical     tier 1, top symbols  processed, lean       100        -        -',
			' high         tier 2, the next     spilled                 -      100        -',
			' normal       tier 3, all others   spilled                 -      100        -',
			' low          reference data       dropped                 -        -      100',
			' spill        200 waiting, 0 replayed',
			' so far       300 shed / 400 checked, 0 protected shed',
		]);
	});

	it('says what holds recovery, and counts the cooldown down', async () => {
		const { monitor, pass, reading } = await atAggressive();
		const recovery = () => panel(monitor.moment(''), plain).find((line) => line.startsWith(' recovery'));
		expect(recovery()).toContain('held: lag is not below 500K');
		reading.lag = 0;
		await pass(500);
		await pass(500);
		expect(recovery()).toContain('calm, cooldown 29.5 s ■■■');
		await pass(10_000);
		expect(recovery()).toContain('calm, cooldown 19.5 s');
	});

	it('fits the width that it claims, also when everything is held', async () => {
		const { monitor } = await atAggressive();
		for (const line of panel(monitor.moment('a title'), plain))
			expect(line.trimEnd().length).toBeLessThanOrEqual(WIDTH);
	});

	it('fits it with a sixth level too', async () => {
		const { monitor, shedder } = await atAggressive();
		shedder.reload(sixLevels);
		for (const line of panel(monitor.moment('a title'), plain))
			expect(line.trimEnd().length).toBeLessThanOrEqual(WIDTH);
	});

	it('puts a reading on the scale of the levels', () => {
		const levels = ['A', 'B', 'C', 'D'];
		const thresholds = [
			{ level: 'B', enterAt: 100, release: 50 },
			{ level: 'D', enterAt: 200, release: 100 },
		];
		const at = (reading: number) => severityOf({ thresholds }, reading, levels);
		expect([0, 50, 100, 150, 200].map(at)).toEqual([0, 0.5, 1, 2, 3]);
		expect(at(1e9)).toBeLessThan(4);
	});

	it('can be said in one line', async () => {
		const { monitor } = await atAggressive();
		expect(statusLine(monitor.moment(''))).toBe(
			'  00:01  AGGRESSIVE | lag 1.2M (1M/500K), heap 50% (90%/81%) | 300 shed / 400 checked | spill 200',
		);
	});
});

describe('the narrator of a demo', () => {
	it.each([
		['NORMAL', 'SOFT', ['enrichment and strictValidation off']],
		['SOFT', 'GRACEFUL', ['low dropped']],
		['GRACEFUL', 'AGGRESSIVE', ['high and normal spilled']],
		['AGGRESSIVE', 'CIRCUIT_BREAK', []],
		['AGGRESSIVE', 'NORMAL', ['enrichment and strictValidation on', 'high, normal and low processed']],
	])('says what changes from %s to %s', (from, to, changes) => {
		expect(changesBetween(marketDataLadder, from, to)).toEqual(changes);
	});
});

describe('the stage of a demo', () => {
	/** What a terminal, or something else, is given to show. */
	async function shownOn(out: { readonly isTTY: boolean }, env: NodeJS.ProcessEnv): Promise<string> {
		let text = '';
		const write = (chunk: string) => {
			text += chunk;
			return true;
		};
		const stage = createStage({ columns: 80, rows: 40, ...out, write } as unknown as NodeJS.WriteStream, env);
		const { monitor } = await atAggressive();
		stage.heading('a heading');
		stage.tell('a tale');
		stage.show(monitor.moment('a title'));
		stage.end();
		return text;
	}

	it('draws with escape codes where a person watches', async () => {
		expect(await shownOn({ isTTY: true }, {})).toContain('\u001b[');
	});

	it.each([
		['a pipe', { isTTY: false }, {}],
		['a terminal with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }],
		['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }],
	])('prints plain lines to %s', async (_, out, env) => {
		const text = await shownOn(out, env);
		expect(text).not.toContain('\u001b');
		expect(text).toContain('a heading\n  a tale\n  00:01  AGGRESSIVE');
	});
});
