import type { IncomingMessage } from 'node:http';
import { ConfigError } from '../core/errors.js';
import { readJson } from './body.js';
import { type Refusal, refuseOrigin, type TokenCheck } from './guard.js';
import type { Steerable } from './steerable.js';

/** A longer reason or name is no help to whoever reads it. */
const TEXT_MAX = 300;

/** Carries out what an authorised page asks for: `POST` sets an override, `DELETE` ends the one that a page has set. */
export class Steering {
	readonly #shedder: Steerable;
	readonly #maxTtlMs: number;
	readonly #tokens: TokenCheck;
	#end: (() => void) | undefined;

	constructor(shedder: Steerable, maxTtlMs: number, tokens: TokenCheck) {
		this.#shedder = shedder;
		this.#maxTtlMs = maxTtlMs;
		this.#tokens = tokens;
	}

	/** @returns why not, or nothing when it is done. */
	async carryOut(request: IncomingMessage): Promise<Refusal | undefined> {
		const refusal = refuseOrigin(request.headers) ?? this.#tokens.refuse(request);
		if (refusal !== undefined) return refusal;
		if (request.method === 'DELETE') return this.#release();
		const body = await readJson(request);
		return 'status' in body ? body : this.#set(body.value);
	}

	#set(wanted: unknown): Refusal | undefined {
		const { level, floor, ceiling, ttlMs, reason, actor } = Object(wanted) as { readonly [option: string]: unknown };
		if (typeof ttlMs === 'number' && ttlMs > this.#maxTtlMs)
			return wrong(`ttlMs: ${ttlMs} must be at most ${this.#maxTtlMs}`);
		for (const [name, text] of Object.entries({ reason, actor })) {
			const short = text === undefined || (typeof text === 'string' && text.length <= TEXT_MAX);
			if (!short) return wrong(`${name}: must be a text of at most ${TEXT_MAX} characters`);
		}
		try {
			// The controller says everything else that is wrong with it.
			this.#end = this.#shedder.override({ level, floor, ceiling, ttlMs, reason, actor } as never);
			return undefined;
		} catch (error) {
			if (error instanceof ConfigError) return wrong(error.message);
			throw error;
		}
	}

	#release(): Refusal | undefined {
		this.#end?.();
		this.#end = undefined;
		if (this.#shedder.stats().override === null) return undefined;
		return { status: 409, message: 'the override in force was not set on this page; only who has set it can end it' };
	}
}

const wrong = (message: string): Refusal => ({ status: 400, message });
