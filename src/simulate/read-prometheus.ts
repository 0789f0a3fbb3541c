import { ConfigError, show, verify } from '../core/errors.js';
import { type Column, seriesName } from './select.js';

interface Series {
	readonly metric?: { readonly [label: string]: string };
	readonly values?: readonly (readonly [number, string])[];
}

/**
 * The `data` of a range query: `{ resultType: 'matrix', result: [{ metric, values: [[seconds, "value"], ...] }] }`.
 * Series that lack a time which others have are unknown there.
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
		const all = (result as readonly Series[]).map(({ metric = {}, values }, s) => {
			must(Array.isArray(values), `data.result[${s}].values`, values, 'a list of [seconds, "value"]');
			return { labels: metric, values: Array.isArray(values) ? values : [] };
		});
		const timesMs = [
			...new Set(all.flatMap(({ values }) => values.map((point) => Number(Object(point)[0]) * 1000))),
		].sort((a, b) => a - b);
		const indexOf = new Map(timesMs.map((time, i) => [time, i]));
		let wrong = 0;
		const columns = all.map(({ labels, values }, s): Column => {
			const series = new Float64Array(timesMs.length).fill(Number.NaN);
			values.forEach((point, i) => {
				const [time, text] = Array.isArray(point) ? point : [];
				const value = typeof text === 'string' ? Number(text.replace('Inf', 'Infinity')) : Number.NaN;
				const readable = Number.isFinite(time) && typeof text === 'string' && (text === 'NaN' || !Number.isNaN(value));
				if (!readable && wrong++ < 10) {
					const path = `data.result[${s}].values[${i}]`;
					must(false, path, Number.isFinite(time) ? text : time, 'part of [seconds, "value"]');
				}
				series[indexOf.get(Number(time) * 1000) ?? -1] = Number.isFinite(value) ? value : Number.NaN;
			});
			return { name: seriesName(labels), labels, values: series };
		});
		return { timesMs, columns, text: {} };
	});
}
