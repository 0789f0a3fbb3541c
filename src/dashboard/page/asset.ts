/** A file of the page, as it is sent. */
export interface Asset {
	readonly type: string;
	readonly text: string;
}

/** By name; `''` is the page itself. */
export type Assets = ReadonlyMap<string, Asset>;
