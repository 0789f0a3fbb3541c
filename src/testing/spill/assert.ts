import { show } from '../../core/errors.js';
import { SpillError, type SpillRecord } from '../../ports/spill.js';

/** Fails the case unless the fact holds. @param fact what should have been, as a sentence. */
export function assure(ok: boolean, fact: string): asserts ok {
	if (!ok) throw new Error(fact);
}

/** The values are equal, compared with `Object.is`. */
export function assureIs(actual: unknown, expected: unknown, what: string): void {
	assure(Object.is(actual, expected), `${what} is ${show(actual)} instead of ${show(expected)}`);
}

/** The promise rejects with a SpillError of this code; any code that is not empty when none is given. */
export async function assureRefused(work: Promise<unknown>, what: string, code?: string): Promise<SpillError> {
	const error = await rejectionOf(work, what);
	assure(
		error instanceof SpillError,
		`${what} rejected with ${describe(error)} instead of a SpillError${code ? ` ${code}` : ''}`,
	);
	if (code === undefined) assure(error.code !== '', `${what} rejected with a SpillError that has no code`);
	else assureIs(error.code, code, `the code with which ${what} rejected`);
	return error;
}

/** What the promise rejects with. */
export async function rejectionOf(work: Promise<unknown>, what: string): Promise<unknown> {
	let error: unknown;
	try {
		await work;
	} catch (thrown) {
		error = thrown;
	}
	// A reason may be anything, even undefined; a store that rejects with that says nothing to its user.
	assure(error !== undefined, `${what} did not reject with an error`);
	return error;
}

/** The records came back in this order, each as it was given. */
export function assureRecords(actual: readonly SpillRecord[], expected: readonly SpillRecord[], what: string): void {
	const ids = (records: readonly SpillRecord[]) => `[${records.map(({ id }) => show(id)).join(', ')}]`;
	const shown = (text: string) => (text.length > 400 ? `${text.slice(0, 400)}…` : text);
	assure(
		actual.length === expected.length && actual.every(({ id }, n) => id === expected[n]?.id),
		`${what}: ${shown(ids(actual))} instead of ${shown(ids(expected))}`,
	);
	actual.forEach((record, n) => {
		assureSame(record, expected[n] as SpillRecord, `${what}: record ${show(record.id)}`);
	});
}

function assureSame(actual: SpillRecord, expected: SpillRecord, what: string): void {
	for (const field of ['id', 'key', 'enqueuedAtMs', 'expiresAtMs'] as const)
		assureIs(actual[field], expected[field], `${what}: ${field}`);
	const { payload } = actual;
	assure(payload instanceof Uint8Array, `${what}: the payload is ${show(payload)} instead of a Uint8Array`);
	assureIs(payload.byteLength, expected.payload.byteLength, `${what}: the length of the payload`);
	const wrong = payload.findIndex((byte, n) => byte !== expected.payload[n]);
	assureIs(payload[wrong], expected.payload[wrong], `${what}: byte ${wrong} of the payload`);
	// No headers and an empty set of them say the same.
	const headers = [actual, expected].map((record) =>
		Object.entries(record.headers ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
	);
	assureIs(JSON.stringify(headers[0]), JSON.stringify(headers[1]), `${what}: headers`);
}

/** An error in one line. */
export function describe(error: unknown): string {
	return error instanceof Error ? `${error.name} ${JSON.stringify(error.message)}` : show(error);
}
