/** Why the server does not answer this URL with a success; `undefined` when it does. Bounded in time. */
export async function answers(url: string): Promise<string | undefined> {
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
		const text = await response.text();
		return response.ok ? undefined : `${response.status} ${text}`;
	} catch (error) {
		return String(error);
	}
}
