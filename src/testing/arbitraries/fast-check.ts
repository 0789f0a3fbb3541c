/** The version that this project uses, for the types inside. */
export type Fc = typeof import('fast-check').default;

/** What is needed of fast-check, so that 3 and 4 fit, and these types need neither. */
export interface FastCheck {
	readonly array: unknown;
	readonly boolean: unknown;
	readonly constant: unknown;
	readonly constantFrom: unknown;
	readonly integer: unknown;
	readonly nat: unknown;
	readonly oneof: unknown;
	readonly option: unknown;
	readonly record: unknown;
	readonly string: unknown;
	readonly tuple: unknown;
	readonly uniqueArray: unknown;
}

/** An `Arbitrary` of fast-check, whichever version it is of: it goes wherever one of them goes. */
export interface Arbitrary<T> {
	// `never` fits the generators and streams of any version, which nobody calls by hand.
	generate(random: never, biasFactor: number | undefined): never;
	canShrinkWithoutContext(value: unknown): value is T;
	shrink(value: never, context: unknown): never;
	filter(holds: (value: T) => boolean): Arbitrary<T>;
	map<U>(to: (value: T) => U): Arbitrary<U>;
	/** @param to  makes an arbitrary of fast-check, or one of these. */
	chain<A>(to: (value: T) => A): A;
	noShrink(): Arbitrary<T>;
	noBias(): Arbitrary<T>;
}
