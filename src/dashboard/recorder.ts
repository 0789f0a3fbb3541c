import type { Settings } from './options.js';
import { columnsOf, type Hello, levelsOf, type Point, pointOf, type Snapshot, snapshotOf } from './snapshot.js';
import type { Steerable } from './steerable.js';
import { type Edition, eventOf, type Viewers } from './viewers.js';

/** Looks at the shedder once a tick, remembers what the charts need, and tells the pages. */
export class Recorder {
	readonly #shedder: Steerable;
	readonly #settings: Settings;
	readonly #viewers: Viewers;
	readonly #timer: NodeJS.Timeout;
	readonly #points: Point[] = [];
	#last: Snapshot;
	#spec: unknown;
	#whole: Buffer | undefined;

	constructor(shedder: Steerable, settings: Settings, viewers: Viewers) {
		this.#shedder = shedder;
		this.#settings = settings;
		this.#viewers = viewers;
		this.#spec = shedder.ladder.spec;
		this.#last = this.#look();
		this.#timer = setInterval(() => this.#tick(), settings.everyMs);
		this.#timer.unref();
	}

	/** Everything that a page has to know. The same bytes for all that ask between two ticks. */
	whole(): Buffer {
		this.#whole ??= Buffer.from(eventOf('hello', this.#hello()) + eventOf('tick', this.#last));
		return this.#whole;
	}

	/** Tells every page now what has changed, without waiting for the tick. */
	refresh(): void {
		this.#last = snapshotOf(this.#shedder.stats(), Date.now());
		this.#tell(true);
	}

	close(): void {
		clearInterval(this.#timer);
	}

	#tick(): void {
		const { spec } = this.#shedder.ladder;
		const isSame = spec === this.#spec;
		this.#spec = spec;
		// The signals and levels of another ladder are other columns.
		if (!isSame) this.#points.length = 0;
		this.#last = this.#look();
		this.#tell(isSame);
	}

	#tell(isSame: boolean): void {
		this.#whole = undefined;
		if (this.#viewers.count === 0) return;
		const whole = () => this.whole();
		const edition: Edition = { news: isSame ? Buffer.from(eventOf('tick', this.#last)) : whole(), whole };
		this.#viewers.tell(edition);
	}

	#look(): Snapshot {
		const { historyMs, everyMs } = this.#settings;
		const snapshot = snapshotOf(this.#shedder.stats(), Date.now());
		this.#points.push(pointOf(snapshot));
		if (this.#points.length > historyMs / everyMs) this.#points.shift();
		return snapshot;
	}

	#hello(): Hello {
		const { title, everyMs, historyMs, overrides } = this.#settings;
		const { protected: first, sheddable } = this.#shedder.ladder.spec.priorities;
		return {
			title,
			levels: levelsOf(this.#shedder),
			priorities: [first, ...sheddable],
			everyMs,
			historyMs,
			overrideMaxMs: overrides?.maxTtlMs ?? null,
			history: columnsOf(this.#points),
		};
	}
}
