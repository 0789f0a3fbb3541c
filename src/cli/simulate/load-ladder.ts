import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineLadder, type Ladder, marketDataLadder, recommendedLadder } from '../../index.js';
import { blame, InputError } from '../input-error.js';
import { duration } from './format.js';

/** A ladder to be tried. */
export interface Loaded {
	readonly ladder: Ladder;
	/** When protected messages skip to live, unless a flag says otherwise. Default: never. */
	readonly skipToLiveMs?: number;
	/** What it was made for. */
	readonly note?: string;
}

/** Ladders that go by a name, made for an SLO. */
const PRESETS: Readonly<Record<string, (sloMs: number) => Loaded>> = {
	'market-data': () => ({ ladder: marketDataLadder as Ladder }),
	recommended: (sloMs) => ({
		ladder: recommendedLadder({ sloMs }) as unknown as Ladder,
		skipToLiveMs: 0.99 * sloMs,
		note: `recommended is made for the SLO of ${duration(sloMs)} (--slo).`,
	}),
};

/** A ladder by the name of a preset, or from a JSON file or a module whose default export is a ladder or its definition. */
export async function loadLadder(source: string, sloMs: number): Promise<Loaded> {
	const preset = Object.hasOwn(PRESETS, source) ? PRESETS[source] : undefined;
	if (preset !== undefined) return preset(sloMs);
	if (!/\.(json|[cm]?[jt]s)$/.test(source)) {
		const names = Object.keys(PRESETS).join(', ');
		throw new InputError(`--ladder: "${source}" must be ${names}, a .json file, or a .mjs, .js or .ts module`);
	}
	const definition = await blame(source, () =>
		extname(source) === '.json' ? readJson(source) : importDefault(source),
	);
	// A ladder of the user's own copy of the package is defined anew: what it was compiled into may be of another version.
	const { spec = definition } = Object(definition) as { readonly spec?: unknown };
	return { ladder: (await blame(source, () => defineLadder(spec as Ladder['spec']))) as Ladder };
}

async function readJson(file: string): Promise<unknown> {
	return JSON.parse(await readFile(file, 'utf8'));
}

async function importDefault(file: string): Promise<unknown> {
	try {
		const { default: exported } = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown };
		if (exported === undefined) throw new Error('it has no default export: say `export default` before the ladder');
		return exported;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
		throw new Error(`Node ${process.version} cannot run TypeScript; save it as JSON, or run node --import tsx`);
	}
}
