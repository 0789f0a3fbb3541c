import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { ALERTS } from '../../scripts/observability/alerts.js';
import { RECORDINGS } from '../../scripts/observability/recordings.js';
import { type Alert, runbookOf } from '../../scripts/observability/rule.js';
import { rulesFile } from '../../scripts/observability/yaml.js';
import { describeWith } from '../support/services.js';
import { CASES } from './support/cases.js';
import { fleet, HEALTHY, JOB, metricOf, type Place, SCRAPE_S } from './support/fleet.js';
import { selectorsOf } from './support/promql.js';
import { promtool, run, testRules, type UnitTest } from './support/promtool.js';

vi.setConfig({ testTimeout: 60_000 });

const file = fileURLToPath(new URL('../../examples/observability/rules.yml', import.meta.url));

describe('the rules file', () => {
	it('is what is generated today; if not: npm run docs:observability', async () =>
		expect(await readFile(file, 'utf8')).toBe(rulesFile(RECORDINGS, ALERTS)));

	it('has cases for every alert, and for nothing else', () =>
		expect(Object.keys(CASES).sort()).toEqual(ALERTS.map(({ name }) => name).sort()));

	it('is tested on a fleet that has every metric it asks for', () => {
		const asked = [...ALERTS, ...RECORDINGS].flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric));
		const had = Object.keys(HEALTHY).map(metricOf);
		expect([...new Set(asked)].filter((metric) => !had.includes(metric))).toEqual([]);
	});
});

const one: Place = { instance: 'a:9464', shedder: 'quotes' };
const other: Place = { instance: 'b:9464', shedder: 'quotes' };
const nameless: Place = { instance: 'a:9464', shedder: '' };
const otherNameless: Place = { instance: 'b:9464', shedder: '' };
const same = (a: Place, b: Place) => a.instance === b.instance && a.shedder === b.shedder;

await describeWith(promtool, 'the alerts, evaluated by promtool', () => {
	it('are accepted by promtool check rules', async () =>
		expect(await run(['check', 'rules', file])).toContain(`${ALERTS.length + RECORDINGS.length} rules found`));

	it('are silent, not even pending, on a healthy fleet', () =>
		testRules(rulesFile(RECORDINGS, ALERTS), {
			...given(() => undefined),
			promql_expr_test: [1, 10, 45, 100].map((at) => ({ expr: 'ALERTS', eval_time: minutes(at), exp_samples: [] })),
		}));

	it('name the shedder if it has a name', () => {
		const [shed, unserved] = ['ProtectedTierShed', 'ProtectedTierUnserved'].map((name) => {
			const alert = ALERTS.find((other) => other.name === name) as Alert;
			return [one, nameless].map((place) => expected(alert, place, {}, '2').exp_annotations.summary);
		});
		expect(shed).toEqual([
			'quotes of feed on a:9464 has shed protected messages',
			'feed on a:9464 has shed protected messages',
		]);
		expect(unserved).toEqual([
			'no instance of feed takes in anything for quotes',
			'no instance of feed takes in anything',
		]);
	});

	it('would be noticed if they fired elsewhere', async () => {
		const [alert] = ALERTS.filter(({ name }) => name === 'OverrideLeftOn');
		const on = [alert as Alert, [one], { brownout_overridden: '1+0x1200' }, 70] as const;
		await testRules(...firing(...on, [one]));
		await expect(testRules(...firing(...on, [other]))).rejects.toThrow('FAILED');
	});

	it('would be noticed if an operator matched many to many', async () => {
		const expr = 'brownout_overridden * on (job) brownout_overridden == 1';
		const alert: Alert = { ...(ALERTS[0] as Alert), expr };
		await expect(testRules(...firing(alert, [], {}, 10, []))).rejects.toThrow('many-to-many');
	});

	describe.each(ALERTS)('$name', (alert) => {
		const { fires, silent } = CASES[alert.name] ?? { fires: [], silent: [] };
		for (const { when, sick, atMinutes, value } of fires) {
			if (isWhole(alert)) {
				it(`fires once for the job ${when}`, () =>
					testRules(...firing(alert, [one, other], sick, atMinutes, [one], value)));
				it(`is silent while another instance is well: ${when}`, () =>
					testRules(...firing(alert, [one], sick, atMinutes, [])));
				it(`fires once for the job, where the shedder has no name, ${when}`, () =>
					testRules(...firing(alert, [nameless, otherNameless], sick, atMinutes, [nameless], value)));
			} else {
				it(`fires ${when}, for the instance concerned`, () =>
					testRules(...firing(alert, [one], sick, atMinutes, [one], value)));
				it(`fires ${when}, for both instances`, () =>
					testRules(...firing(alert, [one, other], sick, atMinutes, [one, other], value)));
				it(`fires ${when}, for the shedder without a name`, () =>
					testRules(...firing(alert, [nameless], sick, atMinutes, [nameless], value)));
			}
		}
		for (const { when, sick, atMinutes } of silent)
			it(`is silent ${when}`, () => testRules(...firing(alert, [one, other], sick, atMinutes, [])));
	});
});

await describeWith(promtool, 'the recording rules, evaluated by promtool', () => {
	const recordings = rulesFile(RECORDINGS, []);
	const target = { instance: one.instance, job: JOB };
	const cases: readonly {
		readonly record: string;
		readonly sick: Sick;
		readonly value: number;
		readonly labels?: Readonly<Record<string, string>>;
	}[] = [
		{
			record: 'job:brownout_degradation_level:max',
			sick: { brownout_degradation_level: '3+0x1200' },
			value: 3,
			labels: { job: JOB },
		},
		{
			record: 'instance:brownout_degradation_transitions:increase1h',
			sick: {
				'brownout_degradation_transitions_total{from_level="NORMAL",to_level="SOFT",cause="lag"}': '0+0.25x1200',
			},
			value: 63,
		},
		{
			record: 'instance:brownout_messages:rate5m',
			sick: { 'brownout_decisions_total{action="drop",priority="low",tier="tier1"}': '0+15x1200' },
			value: 1_101,
		},
		{
			record: 'instance:brownout_messages_shed:ratio_rate5m',
			sick: { 'brownout_decisions_total{action="drop",priority="low",tier="tier1"}': '0+16500x1200' },
			value: 0.5,
		},
		{
			record: 'instance:brownout_spill_used:ratio',
			sick: { brownout_spill_bytes: '250000+0x1200' },
			value: 0.25,
		},
		{
			record: 'instance:brownout_spill_drain:seconds',
			sick: { brownout_spill_messages: '100000-15x1200' },
			value: 95_200,
		},
	];

	it('are all tried', () => expect(cases.map(({ record }) => record)).toEqual(RECORDINGS.map(({ record }) => record)));

	it.each(
		cases.flatMap((each) => [
			{ ...each, of: 'a shedder with a name', place: one },
			{ ...each, of: 'one without', place: nameless },
		]),
	)('$record is what it says, of $of', ({ record, sick, value, labels = target, place: at }) => {
		const written = (pairs: [string, string][]) => `{${pairs.map(([name, text]) => `${name}="${text}"`)}}`;
		const all = Object.entries({ ...labels, shedder: at.shedder });
		const there = written(all.filter(([, text]) => text !== ''));
		return testRules(recordings, {
			...given((place) => (same(place, at) ? sick : undefined)),
			promql_expr_test: [
				{ expr: `round(${record}${written(all)}, 0.001)`, eval_time: '80m', exp_samples: [{ labels: there, value }] },
			],
		});
	});

	it.each([
		['instance:brownout_messages_shed:ratio_rate5m', 'brownout_decisions_total'],
		['instance:brownout_spill_drain:seconds', 'brownout_spill_messages'],
	])('%s is absent, instead of nonsense, while nothing moves', (record, metric) => {
		const still = Object.keys(HEALTHY).filter((name) => name.startsWith(metric));
		return testRules(recordings, {
			...given(() => Object.fromEntries(still.map((name) => [name, '5+0x1200']))),
			promql_expr_test: [{ expr: record, eval_time: '80m', exp_samples: [] }],
		});
	});
});

function given(sick: Parameters<typeof fleet>[0], metrics?: readonly string[]): UnitTest {
	return { interval: `${SCRAPE_S}s`, input_series: fleet(sick, metrics) };
}

/** An alert about a job as a whole, which needs every instance of it. */
const isWhole = ({ expr }: Alert) => expr.startsWith('count by');

type Sick = Readonly<Record<string, string | undefined>>;

/** The rule alone, and a test that it fires at exactly these places, with exactly these texts. */
function firing(
	alert: Alert,
	sickAt: readonly Place[],
	sick: Sick,
	atMinutes: number,
	places: readonly Place[],
	value?: string,
): [rules: string, test: UnitTest] {
	const asked = selectorsOf(alert.expr).map(({ metric }) => metric);
	const test: UnitTest = {
		...given((place) => (sickAt.some((at) => same(at, place)) ? sick : undefined), asked),
		alert_rule_test: [
			{
				eval_time: minutes(atMinutes),
				alertname: alert.name,
				exp_alerts: places.map((place) => expected(alert, place, sick, value)),
			},
		],
	};
	return [rulesFile([], [alert]), test];
}

function minutes(at: number): string {
	return `${at * 60}s`;
}

/** The alert with its texts filled in. */
function expected(alert: Alert, { instance, shedder }: Place, sick: Sick, value?: string) {
	const signal = /signal="(\w+)"/.exec(Object.keys(sick)[0] ?? '')?.[1];
	const labels: Readonly<Record<string, string>> = {
		job: JOB,
		...(shedder !== '' && { shedder }),
		...(!isWhole(alert) && { instance }),
		...(signal !== undefined && { signal }),
	};
	const filled = (text: string) =>
		text
			.replace(/\{\{ with \$labels\.(\w+) \}\}(.*?)\{\{ end \}\}/g, (_, label: string, inner: string) =>
				label in labels ? inner.replace('{{ . }}', labels[label] as string) : '',
			)
			.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? `no label ${label}`)
			.replace(/\{\{ \$value[^}]*\}\}/g, value ?? 'the case does not say which value');
	return {
		exp_labels: { ...labels, severity: alert.severity },
		exp_annotations: {
			summary: filled(alert.summary),
			description: filled(alert.description),
			runbook_url: runbookOf(alert),
		},
	};
}
