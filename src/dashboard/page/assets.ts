import type { Assets } from './asset.js';

let bundled: Promise<Assets> | undefined;

/**
 * The files of the page. From the sources they are bundled when they are first asked for. In the package there is nothing to
 * bundle: the build puts their text in the place of this module (tsup.config.ts).
 */
export function assets(): Promise<Assets> {
	bundled ??= import('./bundle.js').then(({ bundlePage }) => bundlePage());
	return bundled;
}
