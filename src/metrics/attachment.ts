import { type Must, verify } from '../core/errors.js';
import type { Observable } from '../ports/observable.js';
import { PREFIX } from './catalogue.js';
import { LABELS } from './labels.js';

/** What is asked for, wherever the metrics go. */
export interface AttachmentOptions {
	/**
	 * The label `shedder`: unique among all that are attached to the same place under the same prefix. 1 to 200 characters.
	 * Default `'default'`.
	 */
	readonly name?: string | undefined;
	/** What the names begin with: letters, digits, `_` and `:`, no digit first; may be empty. Default `'brownout_'`. */
	readonly prefix?: string | undefined;
	/** Further labels of all samples, the same names for every shedder. Default none. */
	readonly labels?: { readonly [label: string]: string } | undefined;
}

/** One shedder that is attached somewhere. */
export interface Attachment {
	readonly name: string;
	readonly prefix: string;
	readonly labels: { readonly [label: string]: string };
	readonly observable: Observable;
}

/** @param more  checks of the place itself. @throws ConfigError with everything that is wrong. */
export function attachmentOf(
	subject: string,
	observable: Observable,
	options: AttachmentOptions,
	more: (must: Must) => void,
): Attachment {
	const { name = 'default', prefix = PREFIX, labels = {} } = Object(options) as AttachmentOptions;
	return verify(subject, (must) => {
		must(typeof observable?.stats === 'function', 'observable', observable, 'a shedder: it has no stats()');
		more(must);
		must(typeof name === 'string' && /^.{1,200}$/su.test(name), 'name', name, '1 to 200 characters');
		const speakable = typeof prefix === 'string' && /^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix);
		must(speakable, 'prefix', prefix, 'letters, digits, _ and :, no digit first');
		for (const [label, value] of Object.entries(Object(labels) as object)) {
			const free = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) && !Object.hasOwn(LABELS, label);
			must(free, `labels.${label}`, label, 'letters, digits and _, and no label of the metrics themselves');
			must(typeof value === 'string', `labels.${label}`, value, 'a text');
		}
		return { name, prefix, labels, observable };
	});
}

/**
 * The one thing of its kind that belongs to `owner`, made when it is first asked for. Registered by a symbol, so that the
 * ESM and the CJS copy of the package share it.
 */
export function sharedBy<T>(owner: object, kind: string, make: () => T): T {
	const key = Symbol.for(`brownout.${kind}`);
	const known = (owner as { readonly [key: symbol]: T | undefined })[key];
	if (known !== undefined) return known;
	const made = make();
	Object.defineProperty(owner, key, { value: made });
	return made;
}
