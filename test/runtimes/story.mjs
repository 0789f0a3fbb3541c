// What a user does with the installed package, on whatever runtime this is. Prints a line a part; exits with 1 when one fails.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as brownout from 'brownout';
import { serveDashboard } from 'brownout/dashboard';
import { fetchHandler, nodeHandler } from 'brownout/http';
import {
	cpuSignal,
	diskSignal,
	eventLoopDelaySignal,
	eventLoopSignal,
	heapSignal,
	memorySignal,
} from 'brownout/process';
import { prometheusMetrics } from 'brownout/prometheus';
import { fileSpill } from 'brownout/spill-file';
import { spillStoreConformance } from 'brownout/testing';
import { watchTiers } from 'brownout/tiers-file';
import { Registry } from 'prom-client';

const { createLoadShedder, createTierRegistry, defineLadder, defineTiers } = brownout;
const folder = mkdtempSync(join(tmpdir(), 'brownout-runtime-'));
const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal'] },
	signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
	levels: [{ name: 'NORMAL' }, { name: 'AGGRESSIVE', enterAt: { lag: 300 }, shed: { normal: 'spill' } }],
	cooldownMs: 0,
});
const tiers = defineTiers({
	tiers: [{ name: 'top', priority: 'critical', keys: ['BHP'] }],
	fallback: { name: 'rest', priority: 'normal' },
});
const until = async (holds) => {
	for (let waited = 0; !(await holds()); waited += 5) {
		assert(waited < 10_000, 'waited for 10 s');
		await sleep(5);
	}
};

const parts = {
	async 'messages are spilled, kept over a restart, and replayed'() {
		const queue = { lag: 1_000 };
		const make = () =>
			createLoadShedder({
				ladder,
				signals: { lag: () => queue.lag },
				tiers,
				keyOf: ({ symbol }) => symbol,
				spill: { store: fileSpill({ directory: join(folder, 'spill'), maxBytes: 2 ** 24 }) },
				checkEveryMs: 20,
			});
		const first = make();
		const overloaded = first.wrapBatch(async ({ id }) => id, { name: 'quotes' });
		first.start();
		await until(() => first.stats().level === 'AGGRESSIVE');
		const outcomes = await overloaded(
			Array.from({ length: 1_000 }, (_, id) => ({ id, symbol: id % 10 === 0 ? 'BHP' : `K${id % 7}` })),
		);
		assert.equal(outcomes.filter(({ action }) => action === 'process').length, 100);
		assert.equal(outcomes.filter(({ action }) => action === 'spill').length, 900);
		await first.stop();

		queue.lag = 0;
		const second = make();
		const replayed = [];
		second.wrap(async ({ id }, context) => replayed.push([id, context.replayed]), { name: 'quotes' });
		second.start();
		await until(() => replayed.length === 900);
		await until(() => second.stats().waiting === 0);
		await second.stop();
		assert.deepEqual(
			replayed.map(([id]) => id),
			Array.from({ length: 1_000 }, (_, id) => id).filter((id) => id % 10 !== 0),
		);
		assert(replayed.every(([, again]) => again === true));
	},

	async 'the file store passes its conformance suite'() {
		const cases = spillStoreConformance({
			durability: 'os-crash',
			place({ maxBytes }) {
				const directory = mkdtempSync(join(folder, 'place-'));
				return {
					store: () => fileSpill({ directory, maxBytes }),
					destroy: () => rmSync(directory, { recursive: true, force: true }),
				};
			},
		});
		const failed = [];
		for (const { name, run } of cases) await run().catch((error) => failed.push(`${name}: ${error.message}`));
		assert.deepEqual(failed, []);
		return `${cases.length} cases`;
	},

	async 'the signals of the process are numbers'() {
		const signals = {
			heap: heapSignal(),
			memory: memorySignal(),
			cpu: cpuSignal(),
			loop: eventLoopSignal(),
			delay: eventLoopDelaySignal(),
			disk: diskSignal({ path: folder }),
		};
		const readings = {};
		for (const [name, signal] of Object.entries(signals)) {
			const read = typeof signal === 'function' ? signal : signal.read.bind(signal);
			await read();
			await sleep(20);
			readings[name] = await read();
		}
		// These two do not tell how much of the time their event loop was busy.
		if ('Bun' in globalThis || 'Deno' in globalThis) {
			assert(Number.isNaN(readings.loop));
			delete readings.loop;
		}
		const odd = Object.entries(readings).filter(([, value]) => !(Number.isFinite(value) && value >= 0));
		assert.deepEqual(odd, []);
		return Object.entries(readings)
			.map(([name, value]) => `${name} ${value.toPrecision(2)}`)
			.join(', ');
	},

	async 'tiers are reloaded from a file'() {
		const registry = createTierRegistry(tiers);
		const file = join(folder, 'tiers.json');
		const write = (keys) => {
			writeFileSync(
				`${file}.new`,
				JSON.stringify({
					tiers: [{ name: 'top', priority: 'critical', keys }],
					fallback: { name: 'rest', priority: 'normal' },
				}),
			);
			renameSync(`${file}.new`, file);
		};
		write(['CBA']);
		const watcher = watchTiers(registry, file);
		await until(() => registry.current.tierOf('CBA') === 'top');
		write(['ANZ']);
		await until(() => registry.current.tierOf('ANZ') === 'top');
		await watcher.stop?.();
		watcher.close?.();
	},

	async 'requests are answered with 503 above their level, metrics and the page are served'() {
		const reject = defineLadder({
			...ladder.spec,
			levels: [{ name: 'NORMAL' }, { name: 'BUSY', enterAt: { lag: 300 }, shed: { normal: 'reject' } }],
		});
		const shedder = createLoadShedder({
			ladder: reject,
			signals: { lag: () => 1_000 },
			priorityOf: ({ url }) => (url.includes('/checkout') ? 'critical' : 'normal'),
		});
		await shedder.check();
		const ofFetch = fetchHandler(shedder, () => new Response('served'));
		assert.equal((await ofFetch(new Request('http://x/browse'))).status, 503);
		assert.equal((await ofFetch(new Request('http://x/checkout'))).status, 200);
		const server = createServer(nodeHandler(shedder, (_, res) => void res.end('served')));
		await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
		const origin = `http://127.0.0.1:${server.address().port}`;
		for (const [path, status] of [
			['/browse', 503],
			['/checkout', 200],
		]) {
			const answer = await fetch(origin + path, { headers: { connection: 'close' } });
			await answer.text();
			assert.equal(answer.status, status);
		}
		await new Promise((resolve) => server.close(resolve));

		const registry = new Registry();
		const attached = prometheusMetrics(shedder, { registry });
		assert.match(await registry.metrics(), /brownout_degradation_level\S* 1/);
		attached.detach();

		const page = await serveDashboard(shedder, { port: 0 });
		const html = await (await fetch(page.url)).text();
		assert.match(html, /<html/i);
		await page.close();
		await shedder.stop();
	},

	async 'the command tells its story'() {
		const main = createRequire(import.meta.url)
			.resolve('brownout/package.json')
			.replace('package.json', 'dist/cli/main.js');
		const run = spawnSync(process.execPath, [...(globalThis.Deno ? ['run', '-A'] : []), main, 'demo', '--quick'], {
			encoding: 'utf8',
			env: { ...process.env, NO_COLOR: '1' },
		});
		assert.equal(run.status, 0, run.stdout + run.stderr);
		assert.match(run.stdout, /NORMAL/);
	},
};

let failed = 0;
for (const [name, run] of Object.entries(parts)) {
	try {
		const more = await run();
		console.log(`ok      ${name}${more === undefined ? '' : ` (${more})`}`);
	} catch (error) {
		failed++;
		console.log(`FAILED  ${name}: ${error.stack}`);
	}
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;
