// Measures the control: the package's controllers beside others on recorded and made overloads, on virtual time.
//
//   npm run bench:control                 prints the tables (about eight minutes on two cores)
//   npm run bench:control -- --write      and writes them into docs/control.md
//
// The simulator, its scenarios and the other controllers are those of a benchmark that is kept beside this repository;
// CONTROL_BENCH names its folder, ../shared/control-bench by default.
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ablations, impaired, controllers as ours } from './control-adapter.mjs';

const referee = resolve(import.meta.dirname, '..', process.env.CONTROL_BENCH ?? '../shared/control-bench', 'sim');
const load = (name) => import(pathToFileURL(resolve(referee, `${name}.mjs`)).href);
const BOUND = 'z-bound';
const PAGE = resolve(import.meta.dirname, '../docs/control.md');

const PLANTS = [
	['as above', {}],
	['capacity 5 000/s', { C: 5_000 }],
	['objective 3 s', { sloMs: 3_000 }],
	['objective 30 s', { sloMs: 30_000 }],
	['sampled each 100 ms', { sampleMs: 100 }],
	['sampled each 2 s', { sampleMs: 2_000 }],
	['features cost 20 %', { light: 0.8 }],
	['a spill costs 30 %', { spill: 0.3 }],
];

if (process.send === undefined) await report();
else await work();

/** A child: runs jobs until there are none. The plant is fixed when the simulator is loaded, by the environment. */
async function work() {
	const { makeArrivals, oracle, simulate, summarise } = await load('core');
	const { synthetic, real } = await load('scenarios');
	const { controllers: others } = await load('controllers');
	const all = { ...others, ...ours, ...ablations, ...impaired };
	process.on('message', ({ scenario: name, seed, names, straightClock }) => {
		const found = [...synthetic, ...real].find((scenario) => scenario.name === name);
		const scenario = straightClock ? { ...found, clockSkew: undefined } : found;
		const arrivals = makeArrivals(scenario, seed);
		const best = oracle(scenario, arrivals);
		const rows = names.map((controller) => {
			const flips = countFlips();
			const run = simulate(scenario, arrivals, flips.watch(all[controller]), seed);
			return {
				...summarise(scenario, run, best),
				scenario: name,
				seed,
				controller,
				hours: scenario.durationMs / 3.6e6,
				real: real.some((each) => each.name === name),
				flips: flips.perKey() / (scenario.durationMs / 3.6e6),
				steps: run.transitions.map(({ t, from, to }) => `${t} ${from}-${to}`).join(),
			};
		});
		process.send(rows);
	});
	process.send([]);
}

/** How often a key went from being processed to being shed, or back. */
function countFlips() {
	const processed = new Map();
	let flips = 0;
	return {
		perKey: () => flips / Math.max(1, processed.size),
		watch: (factory) => (env) => {
			const inner = factory(env);
			return {
				...inner,
				decide(message) {
					const action = inner.decide(message);
					if (message.replay) return action;
					const key = `${message.symbol} ${message.type}`;
					const now = action === 'process' || action === 'light';
					if (processed.has(key) && processed.get(key) !== now) flips++;
					processed.set(key, now);
					return action;
				},
			};
		},
	};
}

/** Runs jobs on all cores. @param plant  what the simulated service is; see the benchmark. */
function runAll(jobs, plant = {}) {
	const rows = [];
	const env = { ...process.env, PLANT: JSON.stringify(plant) };
	const children = Array.from({ length: Math.min(availableParallelism(), jobs.length) }, () =>
		fork(import.meta.filename, { env }),
	);
	const left = [...jobs];
	return Promise.all(
		children.map(
			(child) =>
				new Promise((done, fail) => {
					child.on('message', (more) => {
						rows.push(...more);
						const job = left.shift();
						if (job === undefined) child.kill();
						else child.send(job);
					});
					child.on('exit', (code, signal) =>
						signal === 'SIGTERM' ? done() : fail(new Error(`a run failed with ${code ?? signal}`)),
					);
				}),
		),
	).then(() => rows);
}

async function report() {
	const { synthetic, real } = await load('scenarios');
	const { controllers: others } = await load('controllers');
	const scenarios = [...synthetic, ...real].map(({ name }) => name);
	const jobs = (names, seeds = [1]) =>
		seeds.flatMap((seed) => scenarios.map((scenario) => ({ scenario, seed, names })));

	const field = await runAll(jobs([...Object.keys(others), 'brownout-talk']));
	const main = await runAll(jobs(['brownout', BOUND], [1, 2, 3]));
	const parts = await runAll(jobs(['brownout', BOUND, ...Object.keys(ablations)]));
	const wrong = await runAll(jobs(['brownout', BOUND, ...Object.keys(impaired)]));
	const clocks = scenarios.filter((name) => name.startsWith('clock-'));
	const jumps = await runAll(
		clocks.flatMap((scenario) =>
			[true, false].map((straightClock) => ({ scenario, seed: 1, names: ['brownout'], straightClock })),
		),
	);
	const plants = [];
	for (const [name, plant] of PLANTS) plants.push([name, await runAll(jobs(['brownout', BOUND]), plant)]);

	const bound = (rows) => new Map(rows.filter(isBound).map((row) => [`${row.scenario} ${row.seed}`, row]));
	const distance = (rows) => {
		const bounds = bound(rows);
		return (row) => row.critVsOracle - bounds.get(`${row.scenario} ${row.seed}`).critVsOracle;
	};
	const tables = {
		field: table(
			[
				'controller',
				'critical, % of the oracle',
				'worst',
				'utility %',
				'enriched %',
				'reflaps/h',
				'lost critical',
				'crashes',
			],
			[...Object.keys(others), 'brownout-talk', 'brownout'].map((name) => {
				const rows = [...field, ...main.filter(({ seed }) => seed === 1)].filter(
					({ controller }) => controller === name,
				);
				const once = rows.slice(0, scenarios.length);
				return [
					`\`${name}\``,
					mean(once, 'critVsOracle').toFixed(1),
					Math.min(...once.map((row) => row.critVsOracle)).toFixed(1),
					mean(once, 'util').toFixed(1),
					mean(once, 'enrichedPct').toFixed(1),
					perHour(once, 'reflaps').toFixed(2),
					thousands(sum(once, 'critLoss')),
					String(sum(once, 'crashes')),
				];
			}),
		),
		scenarios: table(
			[
				'scenario',
				'critical %',
				'to the bound',
				'utility %',
				'enriched %',
				'transitions',
				'reflaps',
				'NORMAL after, s',
				'drained after, s',
				'spilled',
				'flips a key and hour',
			],
			scenarios.map((scenario) => {
				const rows = main.filter((row) => row.scenario === scenario && !isBound(row));
				const toBound = distance(main);
				return [
					`\`${scenario}\``,
					mean(rows, 'critVsOracle').toFixed(1),
					(rows.reduce((all, row) => all + toBound(row), 0) / rows.length).toFixed(1),
					mean(rows, 'util').toFixed(1),
					mean(rows, 'enrichedPct').toFixed(1),
					mean(rows, 'transitions').toFixed(1),
					String(sum(rows, 'reflaps')),
					range(rows, 'recoverS'),
					range(rows, 'drainS'),
					thousands(mean(rows, 'spilled')),
					mean(rows, 'flips').toFixed(1),
				];
			}),
		),
		totals: totalsOf(main, distance(main)),
		ablations: table(
			[
				'configuration',
				'critical %',
				'worst to the bound',
				'utility %',
				'enriched %',
				'reflaps/h',
				'second-wave ups',
				'crashes',
			],
			['brownout', ...Object.keys(ablations)].map((name) => compared(parts, name, distance(parts))),
		),
		impaired: table(
			[
				'with',
				'critical %',
				'worst to the bound',
				'utility %',
				'enriched %',
				'reflaps/h',
				'second-wave ups',
				'crashes',
			],
			['brownout', ...Object.keys(impaired)].map((name) => compared(wrong, name, distance(wrong))),
		),
		plants: table(
			['another service', 'critical %', 'bound', 'difference', 'utility %', 'enriched %', 'reflaps/h'],
			plants.map(([name, rows]) => {
				const own = rows.filter((row) => !isBound(row));
				const limit = mean(rows.filter(isBound), 'critVsOracle');
				return [
					name,
					mean(own, 'critVsOracle').toFixed(2),
					limit.toFixed(2),
					(mean(own, 'critVsOracle') - limit).toFixed(2),
					mean(own, 'util').toFixed(1),
					mean(own, 'enrichedPct').toFixed(1),
					perHour(own, 'reflaps').toFixed(2),
				];
			}),
		),
		jumps: clocks
			.map((scenario) => {
				const [one, other] = jumps.filter((row) => row.scenario === scenario);
				return `- \`${scenario}\`: ${one.steps === other.steps ? 'the same transitions' : 'OTHER TRANSITIONS'} with and without the jumps of the wall clock (${one.transitions}).`;
			})
			.join('\n'),
	};
	for (const [name, text] of Object.entries(tables)) console.log(`\n## ${name}\n\n${text}`);
	if (process.argv.includes('--write')) {
		let page = readFileSync(PAGE, 'utf8');
		for (const [name, text] of Object.entries(tables)) {
			const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
			const from = page.indexOf(begin);
			const to = page.indexOf(end);
			if (from < 0 || to < from) throw new Error(`docs/control.md has no place for ${name}`);
			page = `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
		}
		writeFileSync(PAGE, page);
	}
}

function isBound({ controller }) {
	return controller === BOUND;
}

function compared(rows, name, toBound) {
	const own = rows.filter(({ controller }) => controller === name);
	return [
		name,
		mean(own, 'critVsOracle').toFixed(2),
		Math.min(...own.map(toBound)).toFixed(1),
		mean(own, 'util').toFixed(2),
		mean(own, 'enrichedPct').toFixed(1),
		perHour(own, 'reflaps').toFixed(2),
		String(sum(own, 'secondWaveUps')),
		String(sum(own, 'crashes')),
	];
}

function totalsOf(all, toBound) {
	const rows = all.filter((row) => !isBound(row));
	const recorded = rows.filter((row) => row.real);
	const lines = [
		['critical, % of the oracle, mean', mean(rows, 'critVsOracle').toFixed(2)],
		['the same, the bound of any FIFO', mean(all.filter(isBound), 'critVsOracle').toFixed(2)],
		['farthest from the bound', Math.min(...rows.map(toBound)).toFixed(2)],
		[
			'recorded loads: mean, least',
			`${mean(recorded, 'critVsOracle').toFixed(2)}, ${Math.min(...recorded.map((row) => row.critVsOracle)).toFixed(2)}`,
		],
		[
			'critical lost, tier 2 and 3 lost, crashes',
			`${sum(rows, 'critLoss')}, ${sum(rows, 'lossNonLowPct')}, ${sum(rows, 'crashes')}`,
		],
		['utility %', mean(rows, 'util').toFixed(2)],
		['enriched %', mean(rows, 'enrichedPct').toFixed(2)],
		[
			'reflaps an hour; most in one run',
			`${perHour(rows, 'reflaps').toFixed(2)}; ${Math.max(...rows.map((row) => row.reflaps))}`,
		],
		['escalations while replay runs', String(sum(rows, 'secondWaveUps'))],
		['process/shed flips a key and hour, the most in a scenario', Math.max(...rows.map((row) => row.flips)).toFixed(1)],
		[
			'not at NORMAL at the end',
			rows
				.filter((row) => row.finalLevel !== 0)
				.map((row) => `${row.scenario} ${row.seed}`)
				.join(', ') || 'none',
		],
	];
	return table(['three seeds, all scenarios', ''], lines);
}

function sum(rows, key) {
	return rows.reduce((all, row) => all + (row[key] ?? 0), 0);
}

function mean(rows, key) {
	return sum(rows, key) / rows.length;
}

function perHour(rows, key) {
	return sum(rows, key) / sum(rows, 'hours');
}

function range(rows, key) {
	const values = rows.map((row) => row[key]).filter((value) => value !== null);
	if (values.length < rows.length) return '–';
	const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => Math.round(value));
	return low === high ? String(low) : `${low}–${high}`;
}

function thousands(count) {
	return Math.round(count).toLocaleString('en').replaceAll(',', ' ');
}

function table(head, rows) {
	const line = (cells) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}
