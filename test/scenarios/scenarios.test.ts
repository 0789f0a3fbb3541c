import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ladders } from './ladders.js';
import { play } from './transcript.js';

/** `UPDATE_SCENARIOS=1` writes down what comes out now; read the difference like code before you commit it. */
const update = process.env.UPDATE_SCENARIOS === '1';

const directory = new URL('.', import.meta.url);
const stories = readdirSync(directory).filter((name) => name.endsWith('.txt'));

test.each(stories)('the story of %s goes as it is written', (name) => {
	const file = new URL(name, directory);
	const written = readFileSync(file, 'utf8');
	const played = play(written, ladders);
	if (update) writeFileSync(file, played);
	else expect(played).toBe(written);
});

test('there are stories, and each has a ladder and something that comes out', () => {
	expect(stories.length).toBeGreaterThan(6);
	for (const name of stories) {
		const written = readFileSync(new URL(name, directory), 'utf8');
		expect(written).toMatch(/^# .+\n(#.*\n)*ladder: .+\nevery: .+\n/);
		expect(written).toMatch(/^ {2}\d+:\d\d.* -> /m);
	}
});
