import { type Must, verify } from '../core/errors.js';
import type { Observable } from '../ports/observable.js';
import { PREFIX } from './catalogue.js';
import { LABELS, SHEDDER } from './labels.js';
import type { Sample } from './metric.js';

/** What is asked for, wherever the metrics go. */
export interface AttachmentOptions {
	/**
	 * The label `shedder`: unique among all that are attached to the same place under the same prefix. 1 to 200 characters.
	 * Default: no such label for the first shedder without a name, and the lowest number that is free, from `'2'` on, for each
	 * one after it. Numbers follow the order of attaching, so give names where there are several.
	 */
	readonly name?: string | undefined;
	/** What the names begin with: letters, digits, `_` and `:`, no digit first; may be empty. Default `'brownout_'`. */
	readonly prefix?: string | undefined;
	/** Further labels of all samples, the same names for every shedder. Default none. */
	readonly labels?: { readonly [label: string]: string } | undefined;
}

/** One shedder that is attached somewhere. */
export interface Attachment {
	readonly name: string | undefined;
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
	const { name, prefix = PREFIX, labels = {} } = Object(options) as AttachmentOptions;
	return verify(subject, (must) => {
		must(typeof observable?.stats === 'function', 'observable', observable, 'a shedder: it has no stats()');
		more(must);
		const nameable = name === undefined || (typeof name === 'string' && /^.{1,200}$/su.test(name));
		must(nameable, 'name', name, '1 to 200 characters');
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
 * The value of the label {@link SHEDDER} in a place where some are taken. `''` is for the only one, or the first, without a
 * name: Prometheus takes a label that is missing for an empty one, and joins it with an empty one.
 */
export function shedderOf({ name }: Attachment, taken: { has(shedder: string): boolean }): string {
	if (name !== undefined) return name;
	if (!taken.has('')) return '';
	let number = 2;
	while (taken.has(String(number))) number++;
	return String(number);
}

/** The labels that all samples of a shedder have. */
export function ownLabels(shedder: string, { labels }: Attachment): Sample['labels'] {
	return shedder === '' ? labels : { [SHEDDER]: shedder, ...labels };
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
