import { channel } from 'node:diagnostics_channel';
import { verify } from '../core/errors.js';
import { passingOn } from '../ports/hearing.js';

/** The events of a shedder; each has a channel `brownout:<event>`. */
const EVENTS = [
	'transitioned',
	'intakeChanged',
	'overridden',
	'failed',
	'dropped',
	'replayed',
	'tiersReplaced',
] as const;

/** What is needed of a shedder. */
export interface EventSource {
	on(event: never, listener: never): unknown;
	off(event: never, listener: never): unknown;
}

/** What a subscriber of a channel gets: the payload of the event as it is, and which shedder it is about. */
export interface DiagnosticsMessage<E = unknown> {
	readonly shedder: string;
	readonly event: E;
}

/**
 * Publishes the events of a shedder on the channels `brownout:transitioned`, `brownout:intakeChanged`,
 * `brownout:overridden`, `brownout:failed`, `brownout:dropped`, `brownout:replayed` and `brownout:tiersReplaced` of
 * `node:diagnostics_channel`, where APM tools listen. A channel without subscribers costs one look at an event, and there
 * are no events of single messages.
 *
 * What a subscriber throws becomes an uncaught exception: that is how Node treats subscribers.
 *
 * @param options.name  `shedder` of each message, 1 to 200 characters. Default `'default'`.
 * @returns `detach()` ends it. Idempotent.
 * @throws ConfigError
 */
export function publishDiagnostics(
	shedder: EventSource,
	{ name = 'default' }: { readonly name?: string | undefined } = {},
): { detach(): void } {
	verify('publishDiagnostics', (must) => {
		must(typeof shedder?.on === 'function', 'shedder', shedder, 'a shedder: it has no on()');
		must(typeof name === 'string' && /^.{1,200}$/su.test(name), 'name', name, '1 to 200 characters');
	});
	const listeners = EVENTS.map((event) => {
		const to = channel(`brownout:${event}`);
		const publish = (payload: unknown): void => {
			if (to.hasSubscribers) to.publish({ shedder: name, event: payload } satisfies DiagnosticsMessage);
		};
		return [event, passingOn(publish, () => to.hasSubscribers)] as const;
	});
	for (const [event, listener] of listeners) shedder.on(event as never, listener as never);
	return {
		detach() {
			for (const [event, listener] of listeners) shedder.off(event as never, listener as never);
		},
	};
}
