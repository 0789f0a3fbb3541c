// Measures the control: the package's controllers beside others on recorded and made overloads, on virtual time.
//
//   npm run bench:control                         prints the tables (about a quarter of an hour on two cores)
//   npm run bench:control -- --write              and writes them into docs/control.md
//   npm run bench:control -- --only main,plants   some of them: field, main, further, parts, impaired, clocks,
//                                                 jumps, plants, full
//
// The simulator, its scenarios and the other controllers are those of a benchmark that is kept beside this repository;
// CONTROL_BENCH names its folder, ../shared/control-bench by default.
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ablations, impaired, controllers as ours, unlearned } from './control-adapter.mjs';
import { furtherScenarios } from './control-scenarios.mjs';

const referee = resolve(import.meta.dirname, '..', process.env.CONTROL_BENCH ?? '../shared/control-bench', 'sim');
const load = (name) => import(pathToFileURL(resolve(referee, `${name}.mjs`)).href);
const BOUND = 'z-bound';
const KEEPER = 'keeper';
const PAGE = resolve(import.meta.dirname, '../docs/control.md');

/** To do without features saves little, so a spill is filled where it is not otherwise. */
const DEAR = { light: 0.8 };
const PLANTS = [
	['as above', {}],
	['capacity 5 000/s', { C: 5_000 }],
	['objective 3 s', { sloMs: 3_000 }],
	['objective 30 s', { sloMs: 30_000 }],
	['sampled each 100 ms', { sampleMs: 100 }],
	['sampled each 2 s', { sampleMs: 2_000 }],
	['features cost 20 %', DEAR],
	['a spill costs 30 %', { spill: 0.3 }],
];

if (process.send === undefined) await report();
else await work();

/** A child: runs jobs until there are none. The plant is fixed when the simulator is loaded, by the environment. */
async function work() {
	const { C, makeArrivals, oracle, simulate, summarise } = await load('core');
	const { synthetic, real, traceScenario } = await load('scenarios');
	const { controllers: others } = await load('controllers');
	const scenarios = [...synthetic, ...real, ...furtherScenarios({ C, traceScenario })];
	const keepers = await keepersOf();
	const all = { ...others, ...ours, ...ablations, ...impaired, ...unlearned };
	process.on('message', ({ scenario: name, seed, names, straightClock, keeping, counting }) => {
		const found = scenarios.find((scenario) => scenario.name === name);
		const scenario = straightClock ? { ...found, clockSkew: undefined } : found;
		const arrivals = makeArrivals(scenario, seed);
		const best = oracle(scenario, arrivals);
		const rowOf = (controller, factory) => {
			const watched = watch(factory, scenario, counting);
			const run = simulate(scenario, arrivals, watched.factory, seed);
			const row = summarise(scenario, run, best);
			return {
				...row,
				scenario: name,
				seed,
				controller,
				hours: scenario.durationMs / 3.6e6,
				real: real.includes(found),
				flips: watched.flipsPerKey() / (scenario.durationMs / 3.6e6),
				steps: run.transitions.map(({ t, from, to }) => `${t} ${from}-${to}`).join(),
				lossless: row.critLoss === 0 && row.lossNonLowPct === 0,
				loadEnded: scenario.loadEndMs < scenario.durationMs,
				// Of the rate at which it should drain at the end; `null` where nothing is left or the load is too high.
				drainPct: watched.drainPct(row.leftSpill, 0.95 * C - scenario.rate(scenario.durationMs - 1)),
			};
		};
		const rows = names.map((controller) => rowOf(controller, all[controller]));
		// The bound gives messages up when its spill is full; who may not is bounded by what these reach.
		const bound = rows.find(isBound);
		const isBehind = (row) => row.critVsOracle < bound.critVsOracle - 1;
		if (keeping && !bound.lossless && rows.some(isBehind)) {
			rows.push(...keepers.map((keeper) => rowOf(KEEPER, keeper)));
		}
		process.send(rows);
	});
	process.send([]);
}

/**
 * Controllers that know the service and lose nothing of tiers 1 to 3: all but tier 1 is spilled when it is older than a
 * share of the objective, tier 1 at the objective; what a full spill cannot take is processed; memory stops intake.
 */
async function keepersOf() {
	const { C, SPILL_CAP, W } = await load('core');
	return [0, 0.1].map((share) => ({ SLO_MS }) => {
		let waiting = 0;
		let ageMs = 0;
		let paused = false;
		return {
			observe({ spillPending, queueDelayMs, heapPct }) {
				waiting = spillPending;
				ageMs = queueDelayMs;
				paused = heapPct >= 95 || (paused && heapPct >= 85);
				return 3;
			},
			paused: () => paused,
			decide({ priority, critical, ageMs: age, replay }) {
				if (replay) return 'light';
				if (priority === 4) return 'drop';
				if (age < (critical ? 0.99 : share) * SLO_MS || waiting + W > SPILL_CAP - 2_000) return 'light';
				waiting += W;
				return 'spill';
			},
			replayRate: () => (ageMs < 0.02 * SLO_MS ? 0.5 * C : paused ? 0.2 * C : 0),
		};
	});
}

/** The last part of a run, over which it is seen whether a spill drains, ms. */
const DRAINING_MS = 120_000;

/** Sees how often a key went from being processed to being shed, or back, and how fast the spill drains at the end. */
function watch(factory, { durationMs }, counting) {
	const processed = new Map();
	let flips = 0;
	let before = Number.NaN;
	return {
		flipsPerKey: () => flips / Math.max(1, processed.size),
		drainPct: (left, sparePerS) =>
			left === 0 || sparePerS <= 0 ? null : (100 * (before - left)) / (DRAINING_MS / 1000) / sparePerS,
		factory: (env) => {
			const inner = factory(env);
			return {
				...inner,
				observe(sample, wallMs) {
					if (sample.monoMs <= durationMs - DRAINING_MS) before = sample.spillPending;
					return inner.observe(sample, wallMs);
				},
				decide(message) {
					const action = inner.decide(message);
					if (!counting || message.replay) return action;
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
	const { C } = await load('core');
	const { synthetic, real, traceScenario } = await load('scenarios');
	const { controllers: others } = await load('controllers');
	const namesOf = (found) => found.map(({ name }) => name);
	const scenarios = namesOf([...synthetic, ...real]);
	const further = namesOf(furtherScenarios({ C, traceScenario }));
	const jobs = (names, { seeds = [1], on = scenarios, ...more } = {}) =>
		seeds.flatMap((seed) => on.map((scenario) => ({ scenario, seed, names, ...more })));

	const parts = {
		async field() {
			const names = [...Object.keys(others), 'brownout-talk', 'brownout'];
			const rows = await runAll(jobs(names));
			return { field: fieldTable(rows, names) };
		},
		async main() {
			const rows = await runAll(jobs(['brownout', BOUND], { seeds: [1, 2, 3], counting: true }));
			return { scenarios: scenarioTable(rows, scenarios), totals: totalsOf(rows) };
		},
		async further() {
			const rows = await runAll(jobs(['brownout', BOUND], { on: further, keeping: true }));
			return { further: furtherTable(rows, further) };
		},
		async parts() {
			const rows = await runAll(jobs(['brownout', BOUND, ...Object.keys(ablations)]));
			return { ablations: comparison(rows, 'configuration', ['brownout', ...Object.keys(ablations)]) };
		},
		async impaired() {
			const rows = await runAll(jobs(['brownout', BOUND, ...Object.keys(impaired)]));
			return { impaired: comparison(rows, 'with', ['brownout', ...Object.keys(impaired)]) };
		},
		async clocks() {
			const on = ['steady-0.7x', 'over-2.2x', 'step-10x', 'second-wave', 'wc98-0512-spike'];
			const names = ['brownout', ...Object.keys(unlearned)];
			const rows = await runAll(jobs(names, { on }));
			return { clocks: clockTable(rows, on, names) };
		},
		async jumps() {
			const names = scenarios.filter((name) => name.startsWith('clock-'));
			const rows = await runAll(
				names.flatMap((scenario) =>
					[true, false].map((straightClock) => ({ scenario, seed: 1, names: ['brownout'], straightClock })),
				),
			);
			return { jumps: jumpLines(rows, names) };
		},
		async plants() {
			const rows = [];
			for (const [name, plant] of PLANTS) rows.push([name, await runAll(jobs(['brownout', BOUND]), plant)]);
			return { plants: plantTable(rows) };
		},
		async full() {
			const on = ['over-2.2x', 'wc98-0630', 'pull-cb-10x'];
			const rows = await runAll(jobs(['brownout', BOUND], { on, keeping: true }), DEAR);
			return { full: fullTable(rows, on) };
		},
	};
	const wanted = argumentOf('--only')?.split(',') ?? Object.keys(parts);
	const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
	if (unknown !== undefined) throw new Error(`--only: "${unknown}" must be one of ${Object.keys(parts).join(', ')}`);
	for (const name of wanted) {
		for (const [place, text] of Object.entries(await parts[name]())) {
			console.log(`\n## ${place}\n\n${text}`);
			if (process.argv.includes('--write')) write(place, text);
		}
	}
}

function argumentOf(flag) {
	const at = process.argv.indexOf(flag);
	return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

function write(place, text) {
	const page = readFileSync(PAGE, 'utf8');
	const [begin, end] = [`<!-- ${place} -->`, `<!-- /${place} -->`];
	const from = page.indexOf(begin);
	const to = page.indexOf(end);
	if (from < 0 || to < from) throw new Error(`docs/control.md has no place for ${place}`);
	writeFileSync(PAGE, `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`);
}

function fieldTable(all, names) {
	return table(
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
		names.map((name) => {
			const rows = of(all, name);
			return [
				`\`${name}\``,
				mean(rows, 'critVsOracle').toFixed(1),
				Math.min(...rows.map((row) => row.critVsOracle)).toFixed(1),
				mean(rows, 'util').toFixed(1),
				mean(rows, 'enrichedPct').toFixed(1),
				perHour(rows, 'reflaps').toFixed(2),
				thousands(sum(rows, 'critLoss')),
				String(sum(rows, 'crashes')),
			];
		}),
	);
}

function scenarioTable(all, scenarios) {
	const toBound = distance(all);
	return table(
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
			const rows = of(all, 'brownout').filter((row) => row.scenario === scenario);
			return [
				`\`${scenario}\``,
				mean(rows, 'critVsOracle').toFixed(1),
				(rows.reduce((total, row) => total + toBound(row), 0) / rows.length).toFixed(1),
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
	);
}

/** The bound without loss is looked for where the bound loses something and is more than a point away. */
function furtherTable(all, scenarios) {
	const own = of(all, 'brownout');
	const lost = own.filter((row) => !row.lossless || row.crashes > 0).map((row) => row.scenario);
	return table(
		[
			'scenario',
			'critical %',
			'bound',
			'which loses of tier 2 and 3, %',
			'bound without loss',
			'utility %',
			'enriched %',
			'transitions',
			'reflaps',
			'NORMAL after, s',
			'intake paused, s',
		],
		[
			...scenarios.map((scenario) => {
				const rows = all.filter((each) => each.scenario === scenario);
				const [[row], [bound]] = ['brownout', BOUND].map((name) => of(rows, name));
				const keeping = of(rows, KEEPER).length > 0;
				return [
					`\`${scenario}\``,
					row.critVsOracle.toFixed(1),
					bound.critVsOracle.toFixed(1),
					bound.lossless ? '–' : bound.lossNonLowPct.toFixed(0),
					keeping ? keepingBound(rows).toFixed(1) : '–',
					row.util.toFixed(1),
					row.enrichedPct.toFixed(1),
					String(row.transitions),
					String(row.reflaps),
					range([row], 'recoverS'),
					String(Math.round(row.pausedS)),
				];
			}),
			[
				`mean; lost something or crashed in: ${lost.join(', ') || 'none'}`,
				mean(own, 'critVsOracle').toFixed(1),
				mean(of(all, BOUND), 'critVsOracle').toFixed(1),
				'',
				'',
				mean(own, 'util').toFixed(1),
				mean(own, 'enrichedPct').toFixed(1),
				mean(own, 'transitions').toFixed(1),
				`${perHour(own, 'reflaps').toFixed(2)}/h`,
				'',
				'',
			],
		],
	);
}

function clockTable(all, scenarios, names) {
	const titles = scenarios.map((scenario) => `\`${scenario}\``);
	return table(
		['critical %; level at the end', ...titles],
		names.map((name) => [
			name,
			...scenarios.map((scenario) => {
				const [row] = of(all, name).filter((each) => each.scenario === scenario);
				return `${row.critVsOracle.toFixed(1)}; ${row.finalLevel}`;
			}),
		]),
	);
}

function jumpLines(rows, scenarios) {
	return scenarios
		.map((scenario) => {
			const [one, other] = rows.filter((row) => row.scenario === scenario);
			const same = one.steps === other.steps ? 'the same transitions' : 'OTHER TRANSITIONS';
			return `- \`${scenario}\`: ${same} with and without the jumps of the wall clock (${one.transitions}).`;
		})
		.join('\n');
}

function plantTable(plants) {
	return table(
		['another service', 'critical %', 'bound', 'difference', 'utility %', 'enriched %', 'reflaps/h'],
		plants.map(([name, rows]) => {
			const own = of(rows, 'brownout');
			const critical = mean(own, 'critVsOracle');
			const limit = mean(of(rows, BOUND), 'critVsOracle');
			return [
				name,
				critical.toFixed(2),
				limit.toFixed(2),
				(critical - limit).toFixed(2),
				mean(own, 'util').toFixed(1),
				mean(own, 'enrichedPct').toFixed(1),
				perHour(own, 'reflaps').toFixed(2),
			];
		}),
	);
}

function fullTable(all, scenarios) {
	return table(
		['scenario', 'critical %', 'bound', 'which loses of tier 1; of tier 2 and 3', 'bound without loss'],
		scenarios.map((scenario) => {
			const rows = all.filter((row) => row.scenario === scenario);
			const [[own], [bound]] = ['brownout', BOUND].map((name) => of(rows, name));
			return [
				`\`${scenario}\``,
				own.critVsOracle.toFixed(1),
				bound.critVsOracle.toFixed(1),
				`${thousands(bound.critLoss)}; ${bound.lossNonLowPct.toFixed(0)} %`,
				keepingBound(rows).toFixed(1),
			];
		}),
	);
}

/** What can be reached in a scenario without losing anything of tiers 1 to 3, as far as is known, %. */
function keepingBound(rows) {
	const keepers = of(rows, KEEPER).filter((row) => row.lossless);
	return Math.max(...(keepers.length > 0 ? keepers : of(rows, BOUND)).map((row) => row.critVsOracle));
}

function of(rows, name) {
	return rows.filter(({ controller }) => controller === name);
}

/** How far a row is from the bound of its scenario and seed, points. */
function distance(rows) {
	const bounds = new Map(of(rows, BOUND).map((row) => [`${row.scenario} ${row.seed}`, row]));
	return (row) => row.critVsOracle - bounds.get(`${row.scenario} ${row.seed}`).critVsOracle;
}

function comparison(rows, title, names) {
	const toBound = distance(rows);
	return table(
		[title, 'critical %', 'worst to the bound', 'utility %', 'enriched %', 'reflaps/h', 'second-wave ups', 'crashes'],
		names.map((name) => {
			const own = of(rows, name);
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
		}),
	);
}

function isBound({ controller }) {
	return controller === BOUND;
}

/** What it is held to, and what was measured. */
function totalsOf(all) {
	const rows = of(all, 'brownout');
	const toBound = distance(all);
	const recorded = rows.filter((row) => row.real);
	const least = (some, key) => Math.min(...some.map((row) => row[key]));
	const most = (some, key) => Math.max(...some.map((row) => row[key]));
	const at = (...names) => rows.filter(({ scenario }) => names.includes(scenario));
	const calm = ['steady-0.7x', 'over-1.2x', 'over-2.2x', 'second-wave', 'noise-heap70', 'heap-saw'];
	const [steady, wave] = [at('steady-0.7x'), at('second-wave')];
	const ended = rows.filter((row) => row.loadEnded);
	const away = ended.filter((row) => row.finalLevel !== 0).map((row) => `${row.scenario} ${row.seed}`);
	const draining = ended.filter((row) => row.drainPct !== null);
	return table(
		['three seeds, all scenarios', 'goal', 'measured'],
		[
			[
				'critical lost; tier 2 and 3 lost, %; crashes',
				'0; 0; 0',
				`${sum(rows, 'critLoss')}; ${sum(rows, 'lossNonLowPct')}; ${sum(rows, 'crashes')}`,
			],
			[
				'critical, % of the oracle, mean (the bound of any FIFO)',
				'97.7',
				`${mean(rows, 'critVsOracle').toFixed(2)} (${mean(of(all, BOUND), 'critVsOracle').toFixed(2)})`,
			],
			['farthest from the bound, points', '-2', Math.min(...rows.map(toBound)).toFixed(2)],
			[
				'critical on recorded loads: mean; least',
				'99.6; 98.6',
				`${mean(recorded, 'critVsOracle').toFixed(2)}; ${least(recorded, 'critVsOracle').toFixed(2)}`,
			],
			['critical in `pull-cb-10x`, least', '74.5', least(at('pull-cb-10x'), 'critVsOracle').toFixed(2)],
			[
				'critical in `stuck-lag` and `nan-lag`, least',
				'99',
				least(at('stuck-lag', 'nan-lag'), 'critVsOracle').toFixed(2),
			],
			[
				'reflaps an hour; most in one run',
				'0.35; 3',
				`${perHour(rows, 'reflaps').toFixed(2)}; ${most(rows, 'reflaps')}`,
			],
			[`reflaps in ${calm.map((name) => `\`${name}\``).join(', ')}`, '0', String(sum(at(...calm), 'reflaps'))],
			[
				'`steady-0.7x`: transitions; enriched %',
				'0; 100',
				`${sum(steady, 'transitions')}; ${least(steady, 'enrichedPct').toFixed(0)}`,
			],
			[
				'escalations while replay runs: `second-wave`; all',
				'0',
				`${sum(wave, 'secondWaveUps')}; ${sum(rows, 'secondWaveUps')}`,
			],
			['`step-10x`: back at NORMAL after, s', '75', most(at('step-10x'), 'recoverS').toFixed(1)],
			['not at NORMAL at the end, though the load has ended', 'none', away.join(', ') || 'none'],
			[
				'a spill that is left drains at, % of (0.95 capacity - load), least',
				'80',
				draining.length === 0 ? 'none is left' : least(draining, 'drainPct').toFixed(0),
			],
			['enriched %', '72', mean(rows, 'enrichedPct').toFixed(2)],
			['utility %', '97.4', mean(rows, 'util').toFixed(2)],
			[
				'process/shed flips a key and hour: `over-2.2x`; the most in a scenario',
				'60; –',
				`${most(at('over-2.2x'), 'flips').toFixed(1)}; ${most(rows, 'flips').toFixed(1)}`,
			],
		],
	);
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
