import { readFile } from 'node:fs/promises';
import { drawRuns, type PanelKind } from '../src/cli/simulate/drawing/draw-runs.js';
import { loadLadder } from '../src/cli/simulate/load-ladder.js';
import { loadPens } from '../src/cli/simulate/picture.js';
import { readTrace, type ServiceModel, simulateService, simulateSignals } from '../src/simulate/index.js';

/** A picture larger than this is read by nobody and slows a page. */
const SIZE_MAX = 100_000;
const SLO_MS = 10_000;
const root = new URL('../', import.meta.url);

interface Drawing {
	readonly trace: string;
	/** Title and ladder, as `--ladder` takes it. */
	readonly ladders: Readonly<Record<string, string>>;
	/** Closes the loop. */
	readonly service?: ServiceModel;
	readonly panels?: readonly PanelKind[];
}

const noisy = 'examples/flapping/noisy.csv';
const constant: Pick<Drawing, 'trace' | 'service'> = {
	trace: 'examples/flapping/constant.csv',
	service: { capacityPerS: 500, shares: { critical: 0.02 } },
};
const opening: Pick<Drawing, 'trace' | 'service'> = {
	trace: 'examples/opening.csv',
	service: { capacityPerS: 20_000, shares: { critical: 0.3, high: 0.2, normal: 0.4 } },
};

/** The pictures of the documentation: what the commands on its pages tell, drawn. */
const DRAWINGS: Readonly<Record<string, Drawing>> = {
	'noise.svg': {
		trace: noisy,
		ladders: {
			'one threshold': 'examples/flapping/one-threshold.mjs',
			'a release threshold': 'examples/flapping/release.mjs',
			'and an unbroken cooldown': 'examples/flapping/cooldown.mjs',
		},
		panels: ['signals'],
	},
	'limit-cycle.svg': {
		...constant,
		ladders: {
			'release thresholds and a cooldown': 'examples/flapping/cooldown.mjs',
			'and back-off': 'examples/flapping/back-off.mjs',
		},
		panels: ['signals', 'messages'],
	},
	'fixed-point.svg': {
		...constant,
		ladders: { 'gradual treatment': 'examples/flapping/gradual.mjs', 'the recommended ladder': 'recommended' },
		panels: ['signals', 'messages'],
	},
	'opening.svg': { ...opening, ladders: { 'market-data': 'market-data' } },
	'opening-recommended.svg': { ...opening, ladders: { recommended: 'recommended' } },
};

/** Draws them all: SVG by file name. The same every time. */
export async function drawPictures(): Promise<ReadonlyMap<string, string>> {
	const pens = await loadPens();
	const drawn = new Map<string, string>();
	for (const [file, { trace: source, ladders, service, panels }] of Object.entries(DRAWINGS)) {
		const trace = readTrace(await readFile(new URL(source, root), 'utf8'));
		const pictures = [];
		for (const [name, path] of Object.entries(ladders)) {
			const { ladder, skipToLiveMs } = await loadLadder(path, SLO_MS);
			const result = service
				? simulateService(ladder, trace, { ...service, skipToLiveMs, sloMs: SLO_MS })
				: simulateSignals(ladder, trace);
			pictures.push({ name, ladder, result });
		}
		const svg = drawRuns(pictures, pens, panels);
		if (svg.length > SIZE_MAX) throw new Error(`${file} has ${svg.length} bytes, more than ${SIZE_MAX}`);
		drawn.set(file, svg);
	}
	return drawn;
}
