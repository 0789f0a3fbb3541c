/** What is needed of a channel here. */
interface Cancels {
	cancel(consumerTag: string): Promise<object>;
}

/** Called in place of the client's function, with that. */
type Watcher = (cancel: () => Promise<object>) => Promise<object>;

interface Watched {
	readonly watchers: Map<string, Watcher>;
	/** The client's function. */
	readonly cancel: (consumerTag: string) => Promise<object>;
}

const watched = new WeakMap<Cancels, Watched>();

/**
 * Learns of `channel.cancel(consumerTag)` by taking the place of that function: nobody else would tell when a consumer is
 * cancelled by its user that the intake has cancelled already, and it must not be consumed again.
 *
 * @returns `cancel`, which does it without telling, and how to end this.
 */
export function watchCancel(
	channel: Cancels,
	consumerTag: string,
	byUser: Watcher,
): { readonly cancel: () => Promise<object>; readonly unwatch: () => void } {
	const { watchers, cancel } = watched.get(channel) ?? watch(channel);
	watchers.set(consumerTag, byUser);
	return { cancel: () => cancel(consumerTag), unwatch: () => watchers.delete(consumerTag) };
}

function watch(channel: Cancels): Watched {
	const watchers = new Map<string, Watcher>();
	const cancel = channel.cancel.bind(channel);
	channel.cancel = (tag) => {
		const watcher = watchers.get(tag);
		return watcher === undefined ? cancel(tag) : watcher(() => cancel(tag));
	};
	const made: Watched = { watchers, cancel };
	watched.set(channel, made);
	return made;
}
