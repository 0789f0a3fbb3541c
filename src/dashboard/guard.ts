import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** A request that is not answered, and what it is told. */
export interface Refusal {
	readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 421 | 429 | 503;
	readonly message: string;
	readonly headers?: { readonly [name: string]: string } | undefined;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether the page is asked for under a name of its own.
 *
 * @param localAddress  where the connection arrived. An address cannot be rebound as a name can, so it may be used as well.
 */
export function refuseHost(
	{ host }: IncomingHttpHeaders,
	hosts: ReadonlySet<string>,
	localAddress: string | undefined,
): Refusal | undefined {
	const name = nameOf(host ?? '');
	const address = localAddress?.replace(/^::ffff:/, '') ?? '';
	const own = address.includes(':') ? `[${address}]` : address;
	const isLoopback = LOOPBACK.has(name) && (own.startsWith('127.') || own === '[::1]');
	if (name !== '' && (isLoopback || name === own || hosts.has(name))) return undefined;
	return { status: 421, message: 'this page is not served under that name: see the option hosts' };
}

/** Whether a request comes from the page itself, or from something that is no browser. */
export function refuseOrigin({ origin, host, ...rest }: IncomingHttpHeaders): Refusal | undefined {
	const site = rest['sec-fetch-site'];
	const foreign = { status: 403, message: 'only the page itself may ask for this' } as const;
	if (site !== undefined && site !== 'same-origin') return foreign;
	if (origin === undefined) return undefined;
	return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase() ? undefined : foreign;
}

/**
 * Who may steer says so by a token. Wrong ones are counted by address, so that the token cannot be guessed, and so that whoever
 * tries does not lock the others out.
 */
export class TokenCheck {
	readonly #expected: Buffer;
	readonly #nowMs: () => number;
	/** When wrong tokens came, by address; the address that was wrong last is last. */
	readonly #wrong = new Map<string, readonly number[]>();

	constructor(token: string, nowMs: () => number = () => performance.now()) {
		this.#expected = digest(Buffer.from(token));
		this.#nowMs = nowMs;
	}

	refuse({ headers, socket }: Pick<IncomingMessage, 'headers'> & TokenBearer): Refusal | undefined {
		const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
		if (token === undefined) return { status: 401, message: 'a token is needed' };
		const address = socket.remoteAddress ?? '';
		const nowMs = this.#nowMs();
		const wrong = this.#wrong.get(address)?.filter((atMs) => nowMs - atMs < WINDOW_MS) ?? [];
		if (wrong.length >= WRONG_MAX) {
			return { status: 429, message: `${WRONG_MAX} wrong tokens within a minute: try again later` };
		}
		// A header is bytes, which Node gives as one character each; the page sends UTF-8.
		const given = digest(Buffer.from(token, 'latin1'));
		// Of equal length, so that the time that the comparison takes tells nothing.
		if (timingSafeEqual(given, this.#expected)) return undefined;
		this.#wrong.delete(address);
		this.#wrong.set(address, [...wrong, nowMs]);
		const [oldest] = this.#wrong.keys();
		if (this.#wrong.size > ADDRESSES_MAX && oldest !== undefined) this.#wrong.delete(oldest);
		return { status: 401, message: 'the token is wrong' };
	}
}

/** What is known of where a request came from. */
interface TokenBearer {
	readonly socket: { readonly remoteAddress?: string | undefined };
}

const WRONG_MAX = 10;
const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 1_000;

const digest = (token: Buffer): Buffer => createHash('sha256').update(token).digest();

/** The name in a Host header, in lower case, without its port. */
const nameOf = (header: string): string => header.toLowerCase().replace(/:\d*$/, '');
