import type { Snapshot } from '../snapshot.js';
import { byId, say } from './dom.js';
import { reasonOf } from './transitions.js';
import type { View } from './view.js';

/** No more often than this is anything read out: a ladder that climbs is told once, where it has arrived. */
const EVERY_MS = 4_000;

/** Says aloud what has changed and matters, to who does not see the page: nothing else, and nothing twice. */
export class Announcer implements View {
	#before: Snapshot | undefined;
	#spokeAtMs = Number.NEGATIVE_INFINITY;
	#timer: number | undefined;
	readonly #news = new Map<string, string>();

	show(now: Snapshot, { levels }: { readonly levels: readonly { readonly name: string }[] }): void {
		const before = this.#before;
		this.#before = now;
		if (before === undefined) return;
		if (now.level !== before.level) {
			const [last] = now.transitions;
			const why = last === undefined ? '' : `: ${reasonOf(last)}`;
			this.say('level', `Level ${levels[now.level]?.name}${why}.`);
		}
		if (now.accepting !== before.accepting) this.say('intake', `Intake is ${now.accepting ? 'open' : 'paused'}.`);
		if ((now.override === null) !== (before.override === null)) {
			this.say('override', `An override ${now.override === null ? 'has ended' : 'is in force'}.`);
		}
		if (now.protectedShed > before.protectedShed) this.say('protected', 'Protected messages were shed.');
	}

	/** @param topic  news of the same topic that were not spoken yet are replaced. */
	say(topic: string, text: string): void {
		this.#news.set(topic, text);
		const waitMs = this.#spokeAtMs + EVERY_MS - Date.now();
		this.#timer ??= window.setTimeout(() => this.#speak(), Math.max(250, waitMs));
	}

	#speak(): void {
		this.#timer = undefined;
		this.#spokeAtMs = Date.now();
		say(byId('spoken'), [...this.#news.values()].join(' '));
		this.#news.clear();
	}
}
