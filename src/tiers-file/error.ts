/**
 * A tier file that is missing, unreadable or wrong, or whose tiers a subscriber could not take.
 *
 * `message` begins with the file's name and can be logged as it is; `cause` is the original error, such as a `ConfigError`.
 */
export class TierFileError extends Error {
	override readonly name = 'TierFileError';
	readonly code = 'TIER_FILE';

	constructor(
		readonly file: string,
		text: string,
		cause?: unknown,
	) {
		super(`${file}: ${text}`, { cause });
	}
}
