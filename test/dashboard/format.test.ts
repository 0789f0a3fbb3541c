import { describe, expect, it } from 'vitest';
import { brief, bytes, duration, full, left } from '../../src/dashboard/page/format.js';

describe('figures on the page', () => {
	it.each([
		[null, 'unknown'],
		[0, '0'],
		[0.7123, '0.712'],
		[999, '999'],
		[1_234_567, '1.23M'],
	])('%s is brief as %s', (value, text) => expect(brief(value)).toBe(text));

	it('are told in full where there is room', () => expect(full(1_234_567)).toBe('1,234,567'));

	it.each([
		[0, '0 ms'],
		[999, '999 ms'],
		[1_000, '1 s'],
		[59_400, '59 s'],
		[59_600, '1 min'],
		[245_000, '4 min 5 s'],
		[7_380_000, '2 h 3 min'],
		[7_200_000, '2 h'],
	])('%d ms last %s', (ms, text) => expect(duration(ms)).toBe(text));

	it('count down to 1 s and not to 0', () => expect([left(10), left(1_001)]).toEqual(['1 s', '2 s']));

	it.each([
		[0, '0 B'],
		[999, '999 B'],
		[1_500, '1.5 kB'],
		[67_108_864, '67.1 MB'],
		[3e15, '3000 TB'],
	])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text));
});
