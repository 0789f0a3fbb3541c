/** A server that tests may use. Others may use it too: take names of your own and remove what you made. */
export interface Service {
	readonly url: string;
	/** Ends it if it was started for this test. Idempotent. */
	stop(): Promise<void>;
}

/** Where a server of some kind may be found. */
export interface Places {
	/** Such as `redis`. */
	readonly name: string;
	/** The environment variable with its URL. */
	readonly variable: string;
	/** Where it runs on a developer's machine. */
	readonly localUrl: string;
	/** Why the server at this URL cannot be used; `undefined` when it can. Bounded in time. */
	readonly refusal: (url: string) => Promise<string | undefined>;
	/** Starts one, with a programme that may be missing. */
	readonly start: () => Promise<Service>;
}

/**
 * @returns `undefined` when there is no server anywhere, after one line on stderr.
 * @throws when the variable names a server that does not answer, or `BROWNOUT_REQUIRE_SERVICES=1` and there is none.
 */
export async function find(places: Places): Promise<Service | undefined> {
	const { name, variable, localUrl, refusal, start } = places;
	const named = process.env[variable];
	const url = named ?? localUrl;
	const why = await refusal(url);
	if (why === undefined) return { url, stop: async () => {} };
	if (named !== undefined) throw new Error(`${variable}=${named}: ${why}`);
	try {
		return await start();
	} catch (cause) {
		return missing(`no ${name}: ${localUrl}: ${why}; ${messageOf(cause)}`, cause);
	}
}

/** Says loudly that a suite will not run, or fails when it has to. */
export function missing(message: string, cause: unknown): undefined {
	if (process.env.BROWNOUT_REQUIRE_SERVICES === '1') throw new Error(message, { cause });
	process.stderr.write(`SKIPPED, ${message}\n`);
	return undefined;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
