/**
 * A sixth level is one more entry in the array, and it can be loaded while messages flow.
 *
 *     npx tsx examples/sixth-level.ts
 */
import { createController, decide, defineLadder, type Ladder, marketDataLadder } from '../src/index.js';

// Between GRACEFUL and AGGRESSIVE: spill the third tier, and leave the second one alone.
const sixLevels = defineLadder({
	...marketDataLadder.spec,
	levels: marketDataLadder.spec.levels.flatMap((level) =>
		level.name === 'AGGRESSIVE'
			? [{ name: 'SELECTIVE', enterAt: { lag: 750_000, heap: 0.85 }, shed: { normal: 'spill' } } as const, level]
			: [level],
	),
});

function print(title: string, ladder: Ladder): void {
	console.log(`\n${title}`);
	console.log(['level', 'lag from', ...ladder.priorities].map(cell).join(''));
	ladder.spec.levels.forEach(({ name, enterAt }, level) => {
		const actions = ladder.priorities.map((priority) => decide(ladder, level, priority).action);
		console.log([name, String(enterAt?.lag ?? ''), ...actions].map(cell).join(''));
	});
}
const cell = (text: string) => text.padEnd(15);

print('the preset', marketDataLadder);
print('with one more level', sixLevels);

const controller = createController({
	ladder: marketDataLadder,
	signals: { lag: { read: () => 800_000, fallsWhilePaused: false }, heap: () => 0.5 },
});
controller.on('transitioned', ({ from, to }) => console.log(`${from} -> ${to}`));

console.log('\nlag 800 000, five levels:');
for (let check = 0; check < 5; check++) await controller.check();
console.log('the same lag, six levels:');
controller.reload(sixLevels);
for (let check = 0; check < 5; check++) await controller.check();
await controller.stop();
