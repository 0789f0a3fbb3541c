/** What is needed of a pool of connections; a `Pool` of `pg` 8 is one. */
export interface PostgresPool {
	connect(): Promise<PostgresConnection>;
}

/** A connection taken from the pool. */
export interface PostgresConnection {
	query(text: string, values?: unknown[]): Promise<PostgresResult>;
	on(event: 'error' | 'end', listener: (error?: Error) => void): unknown;
	removeListener(event: 'error' | 'end', listener: (error?: Error) => void): unknown;
	/** Gives it back; with `true` it is closed. */
	release(destroy?: boolean): void;
}

export interface PostgresResult {
	readonly rows: readonly { readonly [column: string]: unknown }[];
	readonly rowCount: number | null;
}
