import { SpillError, type SpillRecord } from '../ports/spill.js';

/**
 * A codec in JavaScript may give anything: of a text or of another view each store would keep bytes of its own.
 *
 * @throws SpillError `SPILL_CODEC` for a payload that is no Uint8Array.
 */
export function refuseNoBytes({ id, payload }: SpillRecord): void {
	if (payload instanceof Uint8Array) return;
	// One of another realm is no instance of ours, but has the name.
	const kind = Object.prototype.toString.call(payload).slice(8, -1);
	if (kind === 'Uint8Array') return;
	throw new SpillError(`the payload of record ${JSON.stringify(id)} is of type ${kind}, no Uint8Array`, {
		code: 'SPILL_CODEC',
	});
}
