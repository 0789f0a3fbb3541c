/** A run of dropped messages of one kind: what to backfill. */
export interface DroppedEpisode<P extends string> {
	readonly priority: P;
	readonly tier: string;
	readonly count: number;
	/** Epoch ms of the first and the last drop. */
	readonly firstAtMs: number;
	readonly lastAtMs: number;
}

/** A run ends when nothing of its kind was dropped for this long. */
const QUIET_MS = 10_000;

/** Gathers drops into episodes. Bounded by priorities x tiers. */
export class Episodes<P extends string> {
	readonly #open = new Map<string, { -readonly [K in keyof DroppedEpisode<P>]: DroppedEpisode<P>[K] }>();

	dropped(priority: P, tier: string, atMs: number): void {
		// Priorities and tiers are names, so nothing but a newline of somebody's own making could make two of them one.
		const id = `${priority}\n${tier}`;
		const episode = this.#open.get(id);
		if (episode === undefined) this.#open.set(id, { priority, tier, count: 1, firstAtMs: atMs, lastAtMs: atMs });
		else {
			episode.count++;
			episode.lastAtMs = atMs;
		}
	}

	/** Takes the episodes that are over; all of them with `Infinity`. */
	over(nowMs: number): DroppedEpisode<P>[] {
		const ended = [...this.#open].filter(([, { lastAtMs }]) => nowMs - lastAtMs >= QUIET_MS);
		for (const [id] of ended) this.#open.delete(id);
		return ended.map(([, episode]) => Object.freeze(episode));
	}
}
