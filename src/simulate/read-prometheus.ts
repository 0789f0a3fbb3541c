import { ConfigError, show, verify } from '../core/errors.js';
import { type Column, seriesName } from './select.js';
import { MS_FROM } from './time.js';

interface Series {
	readonly metric?: { readonly [label: string]: string };
	readonly values?: readonly (readonly [number, string])[];
}

const PROBLEMS_MAX = 10;

/**
 * The `data` of a range query: `{ resultType: 'matrix', result: [{ metric, values: [[seconds, "value"], ...] }] }`.
 * Series that lack a time which others have are unknown there. Times of today in ms are seen from their size.
 *
 * @throws ConfigError
 */
export function readPrometheus(data: unknown) {
	const { resultType, result } = Object(data) as { resultType?: unknown; result?: unknown };
	if (resultType !== 'matrix' || !Array.isArray(result)) {
		const message = `data.resultType: ${show(resultType)} must be "matrix", the answer of /api/v1/query_range`;
		throw new ConfigError('trace', [{ path: 'data.resultType', message }]);
	}
	if (result.length === 0) {
		const message = 'data.result: it must not be empty: the query has matched no series in that time';
		throw new ConfigError('trace', [{ path: 'data.result', message }]);
	}
	return verify('trace', (must) => {
		let wrong = 0;
		const refuse = (path: string, value: unknown, rule: string) => {
			if (wrong++ < PROBLEMS_MAX) must(false, path, value, rule);
		};
		const names = new Set<string>();
		const all = result.map((one: unknown, s) => {
			const { metric = {}, values } = Object(one) as Series;
			const name = seriesName(metric);
			if (names.has(name)) refuse(`data.result[${s}].metric`, name, 'there once');
			names.add(name);
			if (Array.isArray(values)) return { name, labels: metric, values };
			refuse(`data.result[${s}].values`, values, 'a list of [seconds, "value"]');
			return { name, labels: metric, values: [] };
		});
		const inMs = all.some(({ values }) => timeOf(values[0]) >= MS_FROM);
		const unitMs = inMs ? 1 : 1000;
		const timesMs = [...new Set(all.flatMap(({ values }) => values.map((point) => timeOf(point) * unitMs)))].sort(
			(a, b) => a - b,
		);
		const indexOf = new Map(timesMs.map((time, i) => [time, i]));
		const columns = all.map(({ name, labels, values }, s): Column => {
			const series = new Float64Array(timesMs.length).fill(Number.NaN);
			let last = Number.NEGATIVE_INFINITY;
			values.forEach((point, i) => {
				const refusePoint = (value: unknown, rule: string) => refuse(`data.result[${s}].values[${i}]`, value, rule);
				const time = timeOf(point);
				const text: unknown = Object(point)[1];
				const value = typeof text === 'string' ? Number(text.replace('Inf', 'Infinity')) : Number.NaN;
				const isValue = typeof text === 'string' && (text === 'NaN' || !Number.isNaN(value));
				if (Number.isNaN(time)) refusePoint(Object(point)[0], 'part of [seconds, "value"]');
				else if (!isValue) refusePoint(text, 'part of [seconds, "value"]');
				else if (time >= MS_FROM !== inMs) refusePoint(time, 'in seconds or in milliseconds, as all others');
				else if (time <= last) refusePoint(time, 'later than the time before it');
				last = time;
				series[indexOf.get(time * unitMs) ?? -1] = Number.isFinite(value) ? value : Number.NaN;
			});
			return { name, labels, values: series };
		});
		return { timesMs, columns, text: {} };
	});
}

function timeOf(point: unknown): number {
	const [time] = Array.isArray(point) ? point : [];
	return Number.isFinite(time) ? time : Number.NaN;
}
