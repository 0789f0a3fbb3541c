import { isBytes, SpillError, type SpillRecord } from '../ports/spill.js';

/** @throws SpillError `SPILL_CODEC` for a payload that is no Uint8Array. */
export function refuseNoBytes({ id, payload }: SpillRecord): void {
	if (isBytes(payload)) return;
	const kind = Object.prototype.toString.call(payload).slice(8, -1);
	throw new SpillError(`the payload of record ${JSON.stringify(id)} is of type ${kind}, no Uint8Array`, {
		code: 'SPILL_CODEC',
	});
}
