import { describe, expect, it } from 'vitest';
import { refuseHost, refuseOrigin, TokenCheck } from '../../src/dashboard/guard.js';

const NONE: ReadonlySet<string> = new Set();

describe('the names under which the page is served', () => {
	it.each([
		['localhost', '127.0.0.1'],
		['LocalHost:8080', '127.0.0.1'],
		['127.0.0.1:8080', '127.0.0.1'],
		['[::1]:8080', '::1'],
		['[::1]', '::1'],
		['localhost', '::ffff:127.0.0.1'],
		['192.0.2.7:8080', '192.0.2.7'],
		['[2001:db8::7]:8080', '2001:db8::7'],
	])('let %s in on a connection to %s', (host, address) => expect(refuseHost({ host }, NONE, address)).toBeUndefined());

	it.each([
		['evil.example', '127.0.0.1'],
		['localhost.evil.example', '127.0.0.1'],
		['localhost:8080@evil.example', '127.0.0.1'],
		['', '127.0.0.1'],
		[undefined, '127.0.0.1'],
		['', undefined],
		// A loopback name says nothing on a connection from elsewhere.
		['localhost', '192.0.2.7'],
		['127.0.0.1', undefined],
		['192.0.2.8', '192.0.2.7'],
	])('refuse %s on a connection to %s', (host, address) =>
		expect(refuseHost({ host }, NONE, address)?.status).toBe(421),
	);

	it('are those of the option as well, with any port', () => {
		const hosts = new Set(['ops.example.com']);
		expect(refuseHost({ host: 'OPS.example.com:444' }, hosts, '10.0.0.1')).toBeUndefined();
		expect(refuseHost({ host: 'example.com' }, hosts, '10.0.0.1')?.status).toBe(421);
	});
});

describe('who may ask for what the page asks for', () => {
	const host = 'localhost:8080';
	it('is the page itself, and what is no browser', () => {
		expect(refuseOrigin({ host })).toBeUndefined();
		expect(refuseOrigin({ host, origin: 'http://localhost:8080' })).toBeUndefined();
		expect(refuseOrigin({ host, origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' })).toBeUndefined();
	});

	it.each(['http://evil.example', 'http://localhost:9999', 'http://localhost', 'null', '', 'nonsense'])(
		'is not a page of origin "%s"',
		(origin) => expect(refuseOrigin({ host, origin })?.status).toBe(403),
	);

	it.each(['cross-site', 'same-site', 'none'])('is not who comes from a site that is %s', (site) =>
		expect(refuseOrigin({ host, 'sec-fetch-site': site })?.status).toBe(403),
	);
});

describe('the token', () => {
	const from = (remoteAddress: string, authorization?: string) => ({
		headers: { authorization },
		socket: { remoteAddress },
	});
	const steps = () => {
		let nowMs = 0;
		return { check: new TokenCheck('correct-token-here', () => nowMs), advance: (ms: number) => (nowMs += ms) };
	};

	it('is needed, in its own scheme, and must be the right one', () => {
		const { check } = steps();
		expect(check.refuse(from('a', 'Bearer correct-token-here'))).toBeUndefined();
		expect(check.refuse(from('a'))).toEqual({ status: 401, message: 'a token is needed' });
		expect(check.refuse(from('a', 'Basic correct-token-here'))).toEqual({ status: 401, message: 'a token is needed' });
		for (const wrong of ['correct-token-her', 'correct-token-here2', 'Correct-token-here', 'correct-token-here '])
			expect(check.refuse(from('a', `Bearer ${wrong}`))).toEqual({ status: 401, message: 'the token is wrong' });
	});

	it('may hold any letters: a header gives the bytes of UTF-8', () => {
		const check = new TokenCheck('schlüssel-für-alle-fälle');
		const bytes = Buffer.from('schlüssel-für-alle-fälle').toString('latin1');
		expect(check.refuse(from('a', `Bearer ${bytes}`))).toBeUndefined();
	});

	it('cannot be guessed: ten wrong ones a minute, then not even the right one, from there only', () => {
		const { check, advance } = steps();
		for (let i = 0; i < 10; i++) expect(check.refuse(from('a', `Bearer wrong${i}`))?.status).toBe(401);
		expect(check.refuse(from('a', 'Bearer correct-token-here'))?.status).toBe(429);
		expect(check.refuse(from('b', 'Bearer correct-token-here'))).toBeUndefined();
		advance(60_000);
		expect(check.refuse(from('a', 'Bearer correct-token-here'))).toBeUndefined();
	});

	it('is asked for without counting: a page that has none does not lock out the one that has', () => {
		const { check } = steps();
		for (let i = 0; i < 50; i++) expect(check.refuse(from('a'))?.status).toBe(401);
		expect(check.refuse(from('a', 'Bearer correct-token-here'))).toBeUndefined();
	});
});
