import { verify } from '../core/errors.js';

export interface DashboardOptions {
	/** The heading of the page. Default `'brownout'`. */
	readonly title?: string | undefined;
	/** Milliseconds between two pictures of the shedder, at least 100. Default 1000. */
	readonly everyMs?: number | undefined;
	/** How far back the charts go, ms: at most 3 600 times `everyMs`. Default 600 000, or what `everyMs` allows. */
	readonly historyMs?: number | undefined;
	/**
	 * Names under which the page may be asked for besides the loopback names and the address that it listens on, such as
	 * `['ops.example.com']`. Whoever asks for another one is refused, so that a page from elsewhere cannot reach this one
	 * through a name of its own (DNS rebinding).
	 */
	readonly hosts?: readonly string[] | undefined;
	/** Lets the page set an override. Default: it only shows. */
	readonly overrides?:
		| {
				/** What who steers has to know: at least 16 characters. */
				readonly token: string;
				/** The longest override, ms. Default 3 600 000. */
				readonly maxTtlMs?: number | undefined;
		  }
		| undefined;
	/** How many pages may follow at the same time, a whole number above 0. Default 500. */
	readonly viewersMax?: number | undefined;
}

/** Everything filled in. */
export interface Settings {
	readonly title: string;
	readonly everyMs: number;
	readonly historyMs: number;
	readonly hosts: ReadonlySet<string>;
	readonly overrides: { readonly token: string; readonly maxTtlMs: number } | null;
	readonly viewersMax: number;
}

/** Of {@link DashboardOptions.viewersMax}, unless given. */
export const VIEWERS_MAX = 500;
const HISTORY_MS = 600_000;
const TICKS_MAX = 3_600;
const TOKEN_MIN = 16;

/** @throws ConfigError with everything that is wrong. */
export function settingsOf(options: DashboardOptions): Settings {
	const { title = 'brownout', everyMs = 1_000, hosts = [], overrides, viewersMax = VIEWERS_MAX } = options;
	const { historyMs = Math.max(everyMs, Math.min(HISTORY_MS, TICKS_MAX * everyMs)) } = options;
	const maxTtlMs = overrides?.maxTtlMs ?? 3_600_000;
	return verify('dashboard options', (must) => {
		must(typeof title === 'string', 'title', title, 'a text');
		const isPeriod = Number.isFinite(everyMs) && everyMs >= 100 && everyMs < 2 ** 31;
		must(isPeriod, 'everyMs', everyMs, 'at least 100 and below 2 ** 31');
		const room = Number.isFinite(historyMs) && historyMs >= everyMs && historyMs <= TICKS_MAX * everyMs;
		must(room, 'historyMs', historyMs, `from everyMs to ${TICKS_MAX} times everyMs (${TICKS_MAX * everyMs})`);
		must(Array.isArray(hosts), 'hosts', hosts, 'a list of names');
		const names: readonly string[] = Array.isArray(hosts) ? hosts : [];
		for (const [i, host] of names.entries()) {
			// A port or a scheme in it would never match, and nobody would know why.
			const isName = typeof host === 'string' && /^[\w.-]+$|^\[[\da-f:]+\]$/i.test(host);
			must(isName, `hosts[${i}]`, host, 'a name without a scheme and a port');
		}
		if (overrides !== undefined) {
			const { token } = Object(overrides) as { readonly token?: string };
			// Its length only: an error message ends up in logs.
			const long = typeof token === 'string' && token.length >= TOKEN_MIN;
			must(long, 'overrides.token', token?.length, `at least ${TOKEN_MIN} characters`, 'overrides.token: a length of');
			const isBare = typeof token !== 'string' || /^[^\s\p{Cc}]+$/u.test(token);
			must(isBare, 'overrides.token', 'what was given', 'without white space, which a header does not keep');
			must(maxTtlMs > 0 && Number.isFinite(maxTtlMs), 'overrides.maxTtlMs', maxTtlMs, 'a finite number above 0');
		}
		must(Number.isInteger(viewersMax) && viewersMax > 0, 'viewersMax', viewersMax, 'a whole number above 0');
		return {
			title,
			everyMs,
			historyMs,
			hosts: new Set(names.map((host) => String(host).toLowerCase())),
			overrides: overrides === undefined ? null : { token: String(overrides?.token), maxTtlMs },
			viewersMax,
		};
	});
}
