import { describe, expect, it } from 'vitest';
import { readTrace, type Trace } from '../../src/simulate/index.js';
import { fc, same } from '../support/property.js';

const START_MS = Date.UTC(2026, 10, 17, 9, 30);

/** A trace as plain numbers, so that it can be compared. */
function plain({ timesMs, series }: Trace) {
	return {
		timesMs: [...Array.from(timesMs)],
		series: Object.fromEntries(Object.entries(series).map(([name, values]) => [name, Array.from(values)])),
	};
}

/** Rows of any number of series, some cells unknown; the first row is known, so that each series has a number. */
const rows = fc
	.integer({ min: 1, max: 3 })
	.chain((width) =>
		fc.record({
			names: fc.uniqueArray(fc.constantFrom('lag', 'heap', 'rate', 'cpu'), { minLength: width, maxLength: width }),
			gaps: fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 2, maxLength: 40 }),
			cells: fc.array(
				fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0)), {
					minLength: 3,
					maxLength: 3,
				}),
				{
					minLength: 40,
					maxLength: 40,
				},
			),
		}),
	)
	.map(({ names, gaps, cells }) => {
		let timeMs = START_MS;
		const timesMs = gaps.map((gap) => (timeMs += gap * 1000));
		const at = (row: number, i: number) => (row === 0 ? 7 : (cells[row]?.[i] ?? null));
		return { names, timesMs, cell: at };
	});

describe('readTrace', () => {
	it('reads the same from CSV, NDJSON, a JSON array and Prometheus', () => {
		fc.assert(
			fc.property(rows, ({ names, timesMs, cell }) => {
				const objects = timesMs.map((timeMs, row) => ({
					time: timeMs / 1000,
					...Object.fromEntries(names.map((name, i) => [name, cell(row, i)])),
				}));
				const csv = [
					['time', ...names].join(','),
					...objects.map((row) =>
						Object.values(row)
							.map((value) => value ?? '')
							.join(','),
					),
				].join('\n');
				const result = names.map((name, i) => ({
					metric: { __name__: name },
					values: timesMs.map((timeMs, row) => [timeMs / 1000, String(cell(row, i) ?? 'NaN')]),
				}));
				const expected = {
					timesMs,
					series: Object.fromEntries(
						names.map((name, i) => [name, timesMs.map((_, row) => cell(row, i) ?? Number.NaN)]),
					),
				};
				same(plain(readTrace(csv)), expected);
				same(plain(readTrace(objects.map((row) => JSON.stringify(row)).join('\n'))), expected);
				same(plain(readTrace(JSON.stringify(objects))), expected);
				same(plain(readTrace(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }))), expected);
			}),
		);
	});

	it.each([
		['seconds', 'time', '1763371800', '1763371815'],
		['milliseconds, seen from their size', 'time', '1763371800000', '1763371815000'],
		['ISO dates', 'timestamp', '2025-11-17T09:30:00Z', '2025-11-17T09:30:15Z'],
		['dates without a zone, which are UTC', 'Time', '2025-11-17 09:30:00', '2025-11-17 09:30:15'],
		['dates with a zone', 'date', '2025-11-17T20:30:00+11:00', '2025-11-17T20:30:15+11:00'],
	])('reads times in %s', (_, name, first, second) => {
		expect(plain(readTrace(`${name};lag\n${first};1\n${second};2\n`)).timesMs).toEqual([
			1_763_371_800_000, 1_763_371_815_000,
		]);
	});

	it('reads times of Prometheus in seconds, or in milliseconds when they are that large', () => {
		const matrix = (...times: readonly number[]) => {
			const result = [{ metric: { __name__: 'lag' }, values: times.map((time) => [time, '1']) }];
			return readTrace(JSON.stringify({ data: { resultType: 'matrix', result } }));
		};
		const read = [1_763_371_800_000, 1_763_371_815_500];
		expect(plain(matrix(1_763_371_800, 1_763_371_815.5)).timesMs).toEqual(read);
		expect(plain(matrix(1_763_371_800_000, 1_763_371_815_500)).timesMs).toEqual(read);
	});

	it('takes the unit of a time from the name of its column', () => {
		expect(plain(readTrace('timeMs,lag\n0,1\n500,2')).timesMs).toEqual([0, 500]);
		expect(plain(readTrace('time_s,lag\n0,1\n500,2')).timesMs).toEqual([0, 500_000]);
		expect(plain(readTrace('when,lag\n0,1\n5,2', { timeColumn: 'when' })).timesMs).toEqual([0, 5_000]);
	});

	it('takes empty cells, NaN and infinities for unknown, and leaves columns of text and nameless ones out', () => {
		const { series } = plain(readTrace(',t,host,lag,heap\n0,0,a,,0.5\n1,1,b,NaN,+Inf\n2,2,c,3,0.7\n'));
		expect(series).toEqual({ lag: [Number.NaN, Number.NaN, 3], heap: [0.5, Number.NaN, 0.7] });
	});

	it('tells what is wrong with a column of text, and with a series that is mapped to one', () => {
		const csv = 't,Lag,host\n0,"1,000",a\n5,"2,000",b\n';
		expect({ ...readTrace(csv).text }).toEqual({
			Lag: 'line 2: Lag "1,000" must be a number',
			host: 'line 2: host "a" must be a number',
		});
		expect(() => readTrace(csv, { map: { lag: 'Lag' } })).toThrow('map.lag: line 2: Lag "1,000" must be a number');
	});

	it('shows little of what is not a recording', () => {
		const binary = String.fromCharCode(...Array.from({ length: 4_000 }, (_, i) => (i * 7919) % 256));
		expect(() => readTrace(binary)).toThrow('the recording must be text in UTF-8: CSV, NDJSON or JSON');
		const long = 'x'.repeat(10_000);
		const header = Array.from({ length: 500 }, (_, i) => `${long}${i}`).join(',');
		for (const text of [header, `t,lag\n0,1\n1,${long}`, `t,lag\n0,1\n1,"${long}`, `{"t":0,"lag":1}\n${long}`])
			expect(messageOf(() => readTrace(text))).toMatch(/^.{20,2000}$/s);
	});

	it.each([
		['', 'the recording is empty'],
		[
			't,lag\n1700000000,1\n1700000015000,2',
			'line 3: t "1700000015000" must be in seconds: it looks like milliseconds, and a column has one unit',
		],
		['lag\n1\n2', 'header: there must be a column time (or t, timestamp, ts, date, timeMs); there are "lag"'],
		['t,lag,lag\n0,1,2\n1,1,2', 'header: column "lag" must be there once'],
		['t,lag\n0,1', 'rows: 1 must be at least 2, or there is no time to replay'],
		['t,lag\n0,1\n1,12k\n2,3', 'line 3: lag "12k" must be a number'],
		['t;lag\n0;1\n1;1,5', 'line 3: lag "1,5" must be a number'],
		['t,lag\n0,1\n5,1\n5,2', 'line 4: t "5" must be later than that of the row before it'],
		['t,lag\n0,1\nnoon,2', 'line 3: t "noon" must be a number'],
		['t,lag\n2026-01-01,1\n2026-13-01,2', 'line 3: t "2026-13-01" must be a date such as 2026-11-24T02:00:00Z'],
		['t,lag\n0,1\n1', 'Invalid Record Length: expect 2, got 1 on line 3'],
		['{"t":0,"lag":1}\n{"t":1,"lag":[]}', 'line 2: lag an object must be a number'],
		['{"t":0,"lag":1}\n{"t":1,', 'line 2: "{\\"t\\":1," must be a JSON object'],
		['{"t":0,"lag":1}\n3', 'line 2: 3 must be an object such as {"time": 0, "lag": 10}'],
		['[{"t":0}', 'the JSON cannot be read: '],
		['{"status":"error","error":"query timed out"}', 'Prometheus answered with an error: query timed out'],
		[
			'{"status":"success","data":{"resultType":"vector","result":[]}}',
			'data.resultType: "vector" must be "matrix", the answer of /api/v1/query_range',
		],
		[
			'{"status":"success","data":{"resultType":"matrix","result":[]}}',
			'data.result: it must not be empty: the query has matched no series in that time',
		],
		[
			'{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[15,"x"]]}]}}',
			'data.result[0].values[1]: "x" must be part of [seconds, "value"]',
		],
		[
			'{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"5"],[1,"7"],[2,"6"]]}]}}',
			'data.result[0].values[1]: 1 must be later than the time before it',
		],
		[
			'{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[2,"5"],[1,"7"],[3,"6"]]}]}}',
			'data.result[0].values[1]: 1 must be later than the time before it',
		],
		[
			'{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1700000000,"5"],[1700000015000,"7"]]}]}}',
			'data.result[0].values[1]: 1700000015000 must be in seconds or in milliseconds, as all others',
		],
		[
			'{"data":{"resultType":"matrix","result":[{"metric":{"__name__":"a","b":"1"},"values":[[1,"5"]]},{"metric":{"b":"1","__name__":"a"},"values":[[2,"5"]]}]}}',
			'data.result[1].metric: "a{b=\\"1\\"}" must be there once',
		],
		[
			'{"data":{"resultType":"matrix","result":[null]}}',
			'data.result[0].values: undefined must be a list of [seconds, "value"]',
		],
	])('refuses %j', (text, message) => expect(() => readTrace(text)).toThrow(message));

	it('tells at most ten problems at once', () => {
		const lines = Array.from({ length: 30 }, (_, i) => `${i},${i === 0 ? 1 : 'x'}`);
		const error = errorOf(() => readTrace(`t,lag\n${lines.join('\n')}`));
		expect(error.problems.map(({ path }) => path)).toEqual(Array.from({ length: 10 }, (_, i) => `line ${i + 3}`));
	});

	it('reads a week at 15 s in well under its time', () => {
		const lines = Array.from({ length: 40_320 }, (_, i) => `${1_763_371_800 + 15 * i},${i % 977},0.5`);
		const fromMs = performance.now();
		expect(readTrace(`time,lag,heap\n${lines.join('\n')}`).timesMs.length).toBe(40_320);
		// Ten times what it takes on a small machine.
		expect(performance.now() - fromMs).toBeLessThan(5_000);
	});
});

describe('map', () => {
	const partitions = JSON.stringify({
		resultType: 'matrix',
		result: [
			{
				metric: { __name__: 'lag', topic: 'a', partition: '0' },
				values: [
					[0, '10'],
					[15, '20'],
					[30, '5'],
				],
			},
			{
				metric: { __name__: 'lag', topic: 'a', partition: '1' },
				values: [
					[0, '1'],
					[30, '3'],
				],
			},
			{
				metric: { __name__: 'lag', topic: 'b', partition: '0' },
				values: [
					[0, '100'],
					[15, '100'],
					[30, '100'],
				],
			},
		],
	});
	const lagOf = (selector: string) => Array.from(readTrace(partitions, { map: { x: selector } }).series.x ?? []);

	it.each([
		['lag{topic="b"}', [100, 100, 100]],
		['lag{partition="0",topic="a"}', [10, 20, 5]],
		['{partition="1"}', [1, Number.NaN, 3]],
		['sum(lag{topic="a"})', [11, Number.NaN, 8]],
		['max(lag)', [100, Number.NaN, 100]],
		['min(lag{partition="0"})', [10, 20, 5]],
		['avg(lag{partition="0"})', [55, 60, 52.5]],
		['lag{topic="b"} * 1000', [100_000, 100_000, 100_000]],
		['max(lag{partition="0"}) / 1e2', [1, 1, 1]],
		['0.4', [0.4, 0.4, 0.4]],
	])('takes %s', (selector, expected) => expect(lagOf(selector)).toEqual(expected));

	it.each([
		[
			'lag{topic="c"}',
			'map.x: "lag{topic=\\"c\\"}" must be a series of the recording; there are lag{partition="0",topic="a"}, ',
		],
		[
			'lag',
			'map.x: "lag" must match one series, or say sum(...) or max(...); it matches lag{partition="0",topic="a"}, ',
		],
		['lag{topic="b"} / 0', 'map.x: "lag{topic=\\"b\\"} / 0" must be scaled by a number other than 0'],
	])('refuses %s', (selector, message) => expect(() => lagOf(selector)).toThrow(message));

	it('takes a name that looks like a selector for the name that it is', () => {
		expect(readTrace('t,"max(a) * 2"\n0,5\n1,6', { map: { lag: 'max(a) * 2' } }).series.lag).toEqual([5, 6]);
	});
});

function messageOf(run: () => unknown): string {
	return (errorOf(run) as unknown as Error).message;
}

function errorOf(run: () => unknown): { readonly problems: readonly { readonly path: string }[] } {
	try {
		run();
	} catch (error) {
		return error as ReturnType<typeof errorOf>;
	}
	throw new Error('nothing was thrown');
}
