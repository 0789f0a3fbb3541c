/** One thing wrong with a definition. */
export interface Problem {
	/** Where: `tiers[1].name`, `levels[2].enterAt.lag`. */
	readonly path: string;
	/** Where, which value, and which rule it breaks, so that it can be read on its own. */
	readonly message: string;
}

/**
 * A definition that cannot work: a ladder (rule R11), tiers (T1), a classification (T3). All its problems at once.
 *
 * Ask for `error.code === 'CONFIG_INVALID'` where two copies of the package may meet, for `instanceof` elsewhere.
 */
export class ConfigError extends Error {
	override readonly name = 'ConfigError';
	readonly code = 'CONFIG_INVALID';

	/** @param subject what is wrong, such as `ladder`. @param problems at least one. */
	constructor(
		subject: string,
		readonly problems: readonly Problem[],
	) {
		const count = `${problems.length} problem${problems.length > 1 ? 's' : ''}`;
		super([`invalid ${subject} (${count}):`, ...problems.map(({ message }) => message)].join('\n'));
	}
}

/** Notes a problem unless `ok`: `<label> <value> must be <rule>`. The label is the path and a colon, if not given. */
export type Must = (ok: boolean, path: string, value: unknown, rule: string, label?: string) => void;

/** Returns what `read` makes, or throws one ConfigError with everything that it found wrong on the way. */
export function verify<T>(subject: string, read: (must: Must) => T): T {
	const problems: Problem[] = [];
	const result = read((ok, path, value, rule, label = `${path}:`) => {
		if (!ok) problems.push({ path, message: `${label} ${show(value)} must be ${rule}` });
	});
	if (problems.length) throw new ConfigError(subject, problems);
	return result;
}

/** A value as an error message shows it: short, and never throwing. */
export function show(value: unknown): string {
	if (typeof value === 'string') return JSON.stringify(value);
	return Object(value) === value ? 'an object' : String(value);
}
