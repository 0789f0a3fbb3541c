import { Readable } from 'node:stream';
import { setImmediate as breathe } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rateAt } from '../../src/cli/demo/generator.js';
import { createInbox } from '../../src/cli/demo/inbox.js';
import { createMarket } from '../../src/cli/demo/market.js';

describe('the generator', () => {
	const plan = { calmPerS: 100, calmForS: 2, peakPerS: 1_100, rampS: 4, loadForS: 10 };

	it('is calm, climbs to its peak, stays there and is calm again', () => {
		expect([0, 1.9, 2, 4, 6, 11.9, 12, 99].map((atS) => rateAt(plan, atS))).toEqual([
			100, 100, 100, 600, 1_100, 1_100, 100, 100,
		]);
	});

	it('needs no ramp', () => expect(rateAt({ ...plan, rampS: 0 }, 2)).toBe(1_100));
});

describe('the inbox of the consumer', () => {
	const line = `${JSON.stringify({ symbol: 'BHP', kind: 'trade' })}\n`;
	const settled = async () => {
		for (let turn = 0; turn < 20; turn++) await breathe();
	};
	/** A pipe that counts how many chunks of ten messages were asked for. */
	function pipe(chunks: number) {
		let asked = 0;
		const readable = new Readable({
			highWaterMark: 1,
			read() {
				this.push(asked++ < chunks ? line.repeat(10) : null);
			},
		});
		return { readable, asked: () => asked };
	}

	it('is bounded: when it is full nobody reads the pipe, and taking messages opens it again', async () => {
		const { readable, asked } = pipe(100);
		const inbox = createInbox(readable, 50);
		await settled();
		expect(inbox.length()).toBeGreaterThanOrEqual(50);
		expect(inbox.length()).toBeLessThanOrEqual(70);
		expect(asked()).toBeLessThan(10);
		let taken = 0;
		while (!inbox.over()) {
			while (inbox.take() !== undefined) taken++;
			await settled();
		}
		expect(taken).toBe(1_000);
		expect(inbox.arrived()).toBe(1_000);
	});

	it('reads nothing while the intake is paused, and keeps what it has', async () => {
		const { readable, asked } = pipe(100);
		const inbox = createInbox(readable, 50);
		await settled();
		await inbox.intake.pause();
		const before = asked();
		while (inbox.take() !== undefined);
		await settled();
		expect(asked()).toBeLessThanOrEqual(before + 2);
		await inbox.intake.resume();
		await settled();
		expect(asked()).toBeGreaterThan(before + 2);
	});

	it('hears the report of the generator', async () => {
		const inbox = createInbox(Readable.from([line, '{"sent":1,"heldBack":0}\n']), 50);
		await settled();
		expect(inbox.report()).toEqual({ sent: 1, heldBack: 0 });
		expect(inbox.over()).toBe(false);
		inbox.take();
		expect(inbox.over()).toBe(true);
	});
});

describe('the simulated market', () => {
	const process = async () => ({ action: 'process', value: undefined }) as const;

	it('brings the same messages for the same seed, and others for another', async () => {
		const bring = async (seed: number) => {
			const symbols: string[] = [];
			const market = createMarket(seed);
			market.setArrivals(100_000, 0);
			await market.step(1_000, async ({ symbol }) => {
				symbols.push(symbol);
				return process();
			});
			return symbols.join();
		};
		expect(await bring(1)).toBe(await bring(1));
		expect(await bring(1)).not.toBe(await bring(2));
	});

	it('has a lag of what arrives and is not taken, which only grows while the intake is paused', async () => {
		const market = createMarket(1);
		const features = { enrichment: true, strictValidation: true };
		const handle = async () => {
			market.handler({ symbol: 'BHP', kind: 'trade' }, { level: '', priority: '', features, replayed: false });
			return process();
		};
		market.setArrivals(200_000, 0);
		await market.step(1_000, handle);
		const { arrived, finished } = market.counts();
		expect(finished).toBe(100_000);
		expect(market.lag()).toBe(arrived - finished);
		await market.intake.pause();
		await market.step(1_000, handle);
		expect(market.counts().finished).toBe(finished);
		expect(market.lag()).toBeGreaterThan(arrived - finished + 100_000);
	});
});
