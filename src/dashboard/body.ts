import type { IncomingMessage } from 'node:http';
import type { Refusal } from './guard.js';

const BYTES_MAX = 4_096;
const WITHIN_MS = 5_000;

const TOO_LARGE: Refusal = { status: 413, message: `the body must not be larger than ${BYTES_MAX} bytes` };
const LATE: Refusal = { status: 408, message: `the body did not arrive within ${WITHIN_MS} ms` };
const TORN: Refusal = { status: 400, message: 'the body is not complete' };

/** Reads a small JSON body; who sends too much or too slowly is refused. Never rejects. */
export function readJson(request: IncomingMessage): Promise<{ readonly value: unknown } | Refusal> {
	if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
		return Promise.resolve({ status: 415, message: 'the body must be application/json' });
	}
	if (Number(request.headers['content-length'] ?? 0) > BYTES_MAX) return Promise.resolve(TOO_LARGE);
	// The server that this is mounted in may have read it: Express does, with `express.json()`.
	if (request.readableEnded) return Promise.resolve({ value: (request as { readonly body?: unknown }).body });
	return new Promise((resolve) => {
		const chunks: Buffer[] = [];
		let bytes = 0;
		const end = (result: { readonly value: unknown } | Refusal) => {
			clearTimeout(timer);
			request.off('data', take).off('end', read).off('error', torn).off('close', torn);
			// A connection that breaks later must not end the process.
			request.on('error', () => {}).pause();
			resolve(result);
		};
		const take = (chunk: Buffer) => {
			bytes += chunk.length;
			chunks.push(chunk);
			if (bytes > BYTES_MAX) end(TOO_LARGE);
		};
		const read = () => {
			try {
				end({ value: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
			} catch {
				end({ status: 400, message: 'the body is not JSON' });
			}
		};
		const torn = () => end(TORN);
		const timer = setTimeout(() => end(LATE), WITHIN_MS);
		request.on('data', take).once('end', read).once('error', torn).once('close', torn);
	});
}
