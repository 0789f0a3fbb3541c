import type { SpillStore } from '../../ports/spill.js';
import { settles } from '../settles.js';
import { bounded } from './bounded.js';
import type { Settings, SpillPlace } from './subject.js';

/** What a case works with. Everything that it opens is closed, and every place destroyed, when it is over. */
export interface Trial {
	readonly settings: Settings;
	/** A new empty place; a small one is to be filled up. */
	place(size?: 'roomy' | 'small'): Promise<SpillPlace>;
	/** An instance on a place, each of its operations bounded, not opened yet. */
	instance(place: SpillPlace): Promise<SpillStore>;
	/** An open instance on a place; on a new one by default. */
	open(place?: SpillPlace): Promise<SpillStore>;
	/** Bounds anything else, and names it. */
	settles<T>(what: string, work: PromiseLike<T>): Promise<T>;
}

/** Runs a case, and cleans up after it. @throws what the case found; else what went wrong in cleaning up. */
export async function attempt(settings: Settings, run: (trial: Trial) => Promise<void>): Promise<void> {
	const places: SpillPlace[] = [];
	const stores = new Set<SpillStore>();
	const within = <T>(what: string, work: PromiseLike<T>) => settles(what, settings.timeoutMs, work);
	const trial: Trial = {
		settings,
		settles: within,
		async place(size = 'roomy') {
			const maxBytes = size === 'small' ? settings.smallBytes : settings.roomBytes;
			const place = await within('subject.place', settings.place({ maxBytes }));
			places.push(place);
			return place;
		},
		async instance(place) {
			const made = await within('place.store', Promise.resolve(place.store()));
			const store = bounded(made, settings.timeoutMs);
			stores.add(store);
			return store;
		},
		async open(place) {
			const store = await trial.instance(place ?? (await trial.place()));
			await store.open();
			return store;
		},
	};
	const failures: unknown[] = [];
	const note = async (work: () => unknown) => {
		try {
			await work();
		} catch (error) {
			failures.push(error);
		}
	};
	await note(() => run(trial));
	// All at once: stores that hang must not add up their time-outs beyond that of the case.
	await Promise.all([...stores].map((store) => note(() => store.close())));
	await Promise.all(places.map((place) => note(() => within('place.destroy', Promise.resolve(place.destroy?.())))));
	// The first is what the case found; closing a broken store often fails as well, and would only hide it.
	if (failures.length > 0) throw failures[0];
}
