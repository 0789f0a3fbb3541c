const HEARS = Symbol.for('brownout.hears');

/**
 * Marks a listener that only passes on what it is told. While nobody is there to be told, it counts as no listener, so that
 * a failure that nobody would hear of is still written to the console.
 */
export function passingOn<L extends (payload: never) => void>(listener: L, hears: () => boolean): L {
	return Object.defineProperty(listener, HEARS, { value: hears });
}

/** Whether what a listener is told reaches anybody. */
export function reachesSomebody(listener: unknown): boolean {
	const { [HEARS]: hears } = listener as { readonly [HEARS]?: () => boolean };
	return hears === undefined || hears();
}
