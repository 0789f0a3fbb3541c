import { expect, it } from 'vitest';
import { type Encoded, frameBytes } from '../../src/spill-nats/frame.js';
import { chargeOf, frames } from '../../src/spill-nats/framing.js';
import { randomOf } from '../spill-file/support/random.js';

it('charges appends for at least what their frames take together, and one record for one frame', () => {
	const limit = 1_000;
	for (let seed = 0; seed < 500; seed++) {
		const random = randomOf(seed);
		const below = (most: number) => Math.floor(random() * most);
		const row = (): Encoded => {
			const bytes = 64 + below(random() < 0.2 ? 3_000 : 300);
			return { partition: below(3), facts: Buffer.alloc(0), payload: Buffer.alloc(0), bytes };
		};
		const appends = Array.from({ length: 1 + below(6) }, () => Array.from({ length: 1 + below(8) }, row));
		const charged = appends.reduce((sum, rows) => sum + chargeOf(rows, limit), 0);
		const taken = [0, 1, 2]
			.flatMap((n) => [
				...frames(
					appends.flat().filter(({ partition }) => partition === n),
					limit,
				),
			])
			.reduce((sum, frame) => sum + frameBytes(frame), 0);
		expect(charged, `seed ${seed}`).toBeGreaterThanOrEqual(taken);
		const one = row();
		expect(chargeOf([one], limit)).toBe(frameBytes([one]));
	}
});
