/** What a scrape says: each line's value by its name and sorted labels, and the type and help of each metric. */
export interface Scrape {
	readonly samples: ReadonlyMap<string, number>;
	readonly types: ReadonlyMap<string, string>;
	readonly help: ReadonlyMap<string, string>;
}

/** Reads the text format of Prometheus as far as it is used here. @throws Error for a line that it does not understand. */
export function readScrape(text: string): Scrape {
	const samples = new Map<string, number>();
	const types = new Map<string, string>();
	const help = new Map<string, string>();
	for (const line of text.split('\n')) {
		const [, what, name = '', rest = ''] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
		if (what === 'TYPE') types.set(name, rest);
		else if (what === 'HELP') help.set(name, rest);
		if (what !== undefined || line === '' || line === '# EOF') continue;
		const [, sample, labels = '', value] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
		if (sample === undefined) throw new Error(`cannot read ${JSON.stringify(line)}`);
		const pairs = labels.match(/[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"/g) ?? [];
		const id = `${sample}{${pairs.sort().join(',')}}`;
		if (samples.has(id)) throw new Error(`${id} is there twice`);
		samples.set(id, Number(value));
	}
	return { samples, types, help };
}
