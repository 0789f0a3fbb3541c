import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Viewers } from '../../src/dashboard/viewers.js';

/** A response whose reader reads when the test says so. */
class Page extends EventEmitter {
	readonly heard: string[] = [];
	writableNeedDrain = false;
	destroyed = false;

	write(bytes: Buffer): boolean {
		this.heard.push(bytes.toString());
		return !this.writableNeedDrain;
	}

	destroy(): void {
		this.destroyed = true;
		this.emit('close');
	}
}

function edition(n: number) {
	return { news: Buffer.from(`news ${n}`), whole: () => Buffer.from(`whole ${n}`) };
}

function page(viewers: Viewers): Page {
	const made = new Page();
	viewers.add(made as unknown as ServerResponse, Buffer.from('welcome'));
	return made;
}

describe('a page that reads slowly', () => {
	it('is told nothing more until it has read, and then everything', () => {
		const viewers = new Viewers(10);
		const [fast, slow] = [page(viewers), page(viewers)];
		viewers.tell(edition(1));
		slow.writableNeedDrain = true;
		viewers.tell(edition(2));
		viewers.tell(edition(3));
		slow.writableNeedDrain = false;
		viewers.tell(edition(4));
		viewers.tell(edition(5));
		expect(fast.heard).toEqual(['welcome', 'news 1', 'news 2', 'news 3', 'news 4', 'news 5']);
		expect(slow.heard).toEqual(['welcome', 'news 1', 'whole 4', 'news 5']);
	});

	it('is let go when it does not read at all', () => {
		const viewers = new Viewers(10);
		const stuck = page(viewers);
		stuck.writableNeedDrain = true;
		for (let n = 0; n < 60; n++) viewers.tell(edition(n));
		expect(stuck.destroyed).toBe(false);
		for (let n = 60; n < 62; n++) viewers.tell(edition(n));
		expect(stuck.destroyed).toBe(true);
		expect(viewers.count).toBe(0);
	});
});

describe('many pages', () => {
	it('are told a few at a time, so that the host gets its turn, and all hear the latest', async () => {
		const viewers = new Viewers(1_000);
		const pages = Array.from({ length: 95 }, () => page(viewers));
		const told = (text: string) => pages.filter(({ heard }) => heard.at(-1) === text).length;
		viewers.tell(edition(1));
		expect(told('news 1')).toBeLessThan(20);
		await turn();
		viewers.tell(edition(2));
		for (let n = 0; n < 30; n++) await turn();
		expect(told('news 2') + told('whole 2')).toBe(95);
		// Who had not heard of the first one is told everything.
		expect(pages.every(({ heard }) => heard.at(-1) === 'whole 2' || heard.includes('news 1'))).toBe(true);
	});

	it('are ended in the middle of it, and no more is written', async () => {
		const viewers = new Viewers(1_000);
		const pages = Array.from({ length: 95 }, () => Object.assign(page(viewers), { end() {} }));
		viewers.tell(edition(1));
		viewers.end();
		const written = pages.flatMap(({ heard }) => heard).length;
		for (let n = 0; n < 30; n++) await turn();
		expect(pages.flatMap(({ heard }) => heard)).toHaveLength(written);
	});

	it('leave when their connection closes', () => {
		const viewers = new Viewers(1);
		const only = page(viewers);
		expect(viewers.full).toBe(true);
		only.emit('error', new Error('reset'));
		only.emit('close');
		expect(viewers.full).toBe(false);
	});
});
