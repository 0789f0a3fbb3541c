import { ACTIONS, type Hello, type History, type Point } from '../snapshot.js';

type Columns = { -readonly [K in keyof History]: Point[K][] };

/** Rates are taken over so long, so that they can be read. */
const RATE_OVER_MS = 5_000;

/** What was, by column, as far back as the charts go. */
export class Past {
	readonly columns: Columns;
	/** Decisions per second, by action and point; `null` where nothing is known yet. */
	readonly rates: readonly (number | null)[][];
	readonly #most: number;

	constructor({ history, historyMs, everyMs }: Hello) {
		this.columns = {
			atMs: [...history.atMs],
			level: [...history.level],
			demand: [...history.demand],
			signals: [...history.signals],
			waiting: [...history.waiting],
			actions: [...history.actions],
		};
		this.rates = ACTIONS.map((_, action) => history.atMs.map((_, at) => this.#rate(action, at)));
		this.#most = Math.ceil(historyMs / everyMs);
	}

	get length(): number {
		return this.columns.atMs.length;
	}

	/** Takes up a tick. The one that a page is welcomed with is in its history already. */
	add({ atMs, level, demand, signals, waiting, actions }: Point): void {
		const { columns } = this;
		if (atMs <= (columns.atMs.at(-1) ?? 0)) return;
		columns.atMs.push(atMs);
		columns.level.push(level);
		columns.demand.push(demand);
		columns.signals.push(signals);
		columns.waiting.push(waiting);
		columns.actions.push(actions);
		for (const [action, rates] of this.rates.entries()) rates.push(this.#rate(action, this.length - 1));
		if (this.length <= this.#most) return;
		for (const column of [...Object.values(columns), ...this.rates]) column.shift();
	}

	#rate(action: number, at: number): number | null {
		const { atMs, actions } = this.columns;
		const endMs = atMs[at] ?? 0;
		let from = at - 1;
		while (from > 0 && endMs - (atMs[from] ?? 0) < RATE_OVER_MS) from--;
		if (from < 0) return null;
		const n = (actions[at]?.[action] ?? 0) - (actions[from]?.[action] ?? 0);
		// A service that has restarted counts from 0.
		return n < 0 ? null : (n * 1_000) / (endMs - (atMs[from] ?? 0));
	}
}
