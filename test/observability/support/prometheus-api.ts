/** One series of an answer. */
export interface Found {
	readonly metric: Readonly<Record<string, string>>;
	/** Numbers only: what is NaN shows nothing. */
	readonly values: readonly number[];
}

/** A rule as Prometheus has read it. */
export interface LoadedRule {
	readonly name: string;
	readonly query: string;
	readonly type: 'alerting' | 'recording';
	readonly duration?: number;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly health: string;
	readonly lastError?: string;
}

/** What is asked of a Prometheus. @param url  its root. */
export function askPrometheus(url: string) {
	const ask = async <T>(path: string, parameters: Readonly<Record<string, string | number>> = {}): Promise<T> => {
		const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
		const response = await fetch(`${url}/api/v1/${path}?${query}`, { signal: AbortSignal.timeout(20_000) });
		const answer = (await response.json()) as { status: string; data: T; error?: string };
		if (answer.status !== 'success') throw new Error(`${path} ${query}: ${answer.error}`);
		return answer.data;
	};
	return {
		/** The series now. */
		async now(query: string): Promise<Found[]> {
			const { result } = await ask<{ result: { metric: Found['metric']; value: [number, string] }[] }>('query', {
				query,
			});
			return result.map(({ metric, value }) => ({ metric, values: [Number(value[1])] }));
		},
		/** The series since then. */
		async since(fromMs: number, query: string): Promise<Found[]> {
			const range = { query, start: fromMs / 1000, end: Date.now() / 1000, step: '250ms' };
			const { result } = await ask<{ result: { metric: Found['metric']; values: [number, string][] }[] }>(
				'query_range',
				range,
			);
			return result
				.map(({ metric, values }) => ({
					metric,
					values: values.map(([, value]) => Number(value)).filter((value) => !Number.isNaN(value)),
				}))
				.filter(({ values }) => values.length > 0);
		},
		async rules(): Promise<LoadedRule[]> {
			const { groups } = await ask<{ groups: { rules: LoadedRule[] }[] }>('rules');
			return groups.flatMap(({ rules }) => rules);
		},
		/** The query as Prometheus writes it. */
		format: (query: string) => ask<string>('format_query', { query }),
	};
}
