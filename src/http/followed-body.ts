/** Passes a body on as it is read, and tells once when that is over: to its end, or not. */
export type Follow = (body: ReadableStream<Uint8Array>, over: (whole: boolean) => void) => ReadableStream<Uint8Array>;

/** Makes a {@link Follow}. A body that is thrown away unread is over once the garbage collector finds it. */
export function followedBodies(): Follow {
	// Workers of some kinds have no such thing, and end with their request.
	const forgotten =
		typeof FinalizationRegistry === 'function'
			? new FinalizationRegistry((over: (whole: boolean) => void) => over(false))
			: undefined;
	return (body, over) => {
		const reader = body.getReader();
		const token = {};
		const ended = (whole: boolean): void => {
			forgotten?.unregister(token);
			over(whole);
		};
		const followed = new ReadableStream<Uint8Array>(
			{
				async pull(controller) {
					try {
						const { done, value } = await reader.read();
						if (!done) {
							controller.enqueue(value);
							return;
						}
						controller.close();
						ended(true);
					} catch (error) {
						ended(false);
						throw error;
					}
				},
				cancel(reason) {
					ended(false);
					return reader.cancel(reason);
				},
			},
			// Nothing is read before somebody asks, as it would be without us.
			{ highWaterMark: 0 },
		);
		forgotten?.register(followed, over, token);
		return followed;
	};
}
