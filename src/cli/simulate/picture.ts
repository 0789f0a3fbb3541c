import { writeFile } from 'node:fs/promises';
import { blame, InputError } from '../input-error.js';
import { drawRuns, type Pens } from './drawing/draw-runs.js';
import type { Picture } from './drawing/panel.js';

/** Resolution of a PNG: twice the width of the drawing, for screens of today. */
const PNG_WIDTH = 2000;

/** Writes the drawing to the files that were asked for. The libraries are loaded only now: who draws nothing needs none. */
export async function writePictures(
	pictures: readonly Picture[],
	files: { readonly svg?: string | undefined; readonly png?: string | undefined },
): Promise<void> {
	if (files.svg === undefined && files.png === undefined) return;
	const svg = drawRuns(pictures, await loadPens());
	if (files.svg !== undefined) await write(files.svg, svg);
	if (files.png !== undefined) await write(files.png, await toPng(svg));
}

/** @throws InputError that says what to install. */
export async function loadPens(): Promise<Pens> {
	const [Plot, { parseHTML }] = await Promise.all([
		load('--svg', () => import('@observablehq/plot')),
		load('--svg', () => import('linkedom')),
	]);
	return { Plot, document: parseHTML('<!doctype html><body>').document as unknown as Document };
}

async function toPng(svg: string): Promise<Uint8Array> {
	const { Resvg } = await load('--png', () => import('@resvg/resvg-js'));
	const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' };
	return new Resvg(svg, { fitTo: { mode: 'width', value: PNG_WIDTH }, font }).render().asPng();
}

/** @throws InputError that says what to install when a library is not there. */
export async function load<T>(flag: string, module: () => Promise<T>): Promise<T> {
	try {
		return await module();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
		const packages = `@observablehq/plot linkedom${flag === '--png' ? ' @resvg/resvg-js' : ''}`;
		throw new InputError(`${flag} draws with libraries that are not installed: npm install ${packages}`);
	}
}

function write(file: string, content: string | Uint8Array): Promise<void> {
	return blame(file, () => writeFile(file, content));
}
