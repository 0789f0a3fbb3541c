import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { ALERTS } from '../../scripts/observability/alerts.js';
import { RECORDINGS } from '../../scripts/observability/recordings.js';
import { runbookOf } from '../../scripts/observability/rule.js';
import { rulesFile } from '../../scripts/observability/yaml.js';
import { describeWith, startAlertmanager, startPrometheus, until } from '../support/services.js';
import { filledIn, readBoard, shown } from './support/board.js';
import { LAG, startCourse } from './support/course.js';
import { askPrometheus } from './support/prometheus-api.js';
import { promtool, run } from './support/promtool.js';
import { queriesOf } from './support/runbook.js';
import { startWebhook } from './support/webhook.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

/** A rate needs two scrapes; a machine that is busy may miss some. */
const WINDOW = '3s';
const PATIENCE_MS = 60_000;

/** The rules of the file, but they fire at once. */
const RULES = rulesFile(
	RECORDINGS,
	ALERTS.map((alert) => ({ ...alert, for: '0s' })),
);

/** Three services, one of them without a name for its shedder, what watches them, and who is told. */
async function watched() {
	const parts: { stop(): Promise<void> }[] = [];
	const begun = <P extends { stop(): Promise<void> }>(part: P): P => {
		parts.unshift(part);
		return part;
	};
	const stop = async () => {
		for (const part of parts) await part.stop();
	};
	try {
		const webhook = begun(await startWebhook());
		const alertmanager = begun(await startAlertmanager(webhook.url));
		const busy = begun(await startCourse('quotes'));
		const idle = begun(await startCourse('quotes'));
		const nameless = begun(await startCourse());
		const { url } = begun(
			await startPrometheus({
				targets: { feed: [busy.target, idle.target, nameless.target] },
				rules: [RULES],
				alertmanager: alertmanager.url,
			}),
		);
		return { url, busy, idle, nameless, posted: webhook.posted, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

await describeWith(promtool, 'the metrics of a live shedder', () => {
	it('pass promtool check metrics without a word', async () => {
		const { target, now, shedder, stop } = await startCourse('quotes');
		try {
			now.lag = LAG.AGGRESSIVE;
			await until('messages are spilled', () => shedder.stats().spilled > 0);
			const scrape = await (await fetch(`http://${target}/metrics`)).text();
			expect(scrape).toContain('brownout_spilled_total{shedder="quotes"} ');
			expect(await run(['check', 'metrics'], scrape)).toBe('');
		} finally {
			await stop();
		}
	});

	it('would not, if something were wrong with them', async () => {
		await expect(run(['check', 'metrics'], '# TYPE brownout_flaps gauge\nbrownout_flaps_total 1\n')).rejects.toThrow(
			'brownout_flaps',
		);
	});
});

await describeWith(watched, 'a run through all levels, seen by Prometheus and Alertmanager', (scene) => {
	const { busy, idle, nameless, posted, url } = scene;
	const prometheus = askPrometheus(url);
	const startedMs = Date.now();
	const holds = (query: string) => until(query, async () => (await prometheus.now(query)).length > 0, PATIENCE_MS);
	const told = (status: 'firing' | 'resolved', name: string, { target: instance } = busy) => {
		const is = () =>
			posted.find(
				({ status: now, labels }) => now === status && labels.alertname === name && labels.instance === instance,
			);
		return until(`${name} is ${status} for ${instance}`, () => is() !== undefined, PATIENCE_MS).then(is);
	};

	/** Takes one of them through all levels, and through what is no level. */
	async function through(course: typeof busy) {
		const on = `{instance="${course.target}"}`;
		await holds(`brownout_degradation_level${on} == 0 and brownout_checks_total${on} > 0`);
		for (const level of ['SOFT', 'GRACEFUL', 'AGGRESSIVE'] as const) {
			course.now.lag = LAG[level];
			await holds(`brownout_degradation_level_active{level="${level}",instance="${course.target}"} == 1`);
		}
		await holds(`brownout_spill_messages${on} > 40`);
		course.now.lag = LAG.CIRCUIT_BREAK;
		await holds(`brownout_intake_paused${on} == 1`);
		await told('firing', 'SheddingLoad', course);

		course.now.lag = LAG.NORMAL;
		await holds(`brownout_replay_delay_seconds${on} > 0`);
		await holds(`brownout_degradation_level${on} == 0 and brownout_spill_messages${on} == 0`);

		course.now.heap = new Error('the sensor is broken');
		expect(() => course.tiers.replace({ tiers: 'none' })).toThrow();
		const end = course.shedder.override({ level: 'SOFT', ttlMs: 600_000, reason: 'a drill' });
		await Promise.all(
			['SignalUnknown', 'TierReloadFailed', 'OverrideLeftOn'].map((name) => told('firing', name, course)),
		);
		course.now.heap = 0.2;
		course.tiers.replace(course.tiers.current);
		end();
		await holds(`brownout_overridden${on} == 0`);
	}

	beforeAll(() => Promise.all([busy, nameless].map(through)));

	it.each(['SheddingLoad', 'SignalUnknown', 'TierReloadFailed', 'OverrideLeftOn'])(
		'%s reaches the webhook, with its texts, and so does its end',
		async (name) => {
			const alert = ALERTS.find((one) => one.name === name);
			const [fired, ended] = await Promise.all([told('firing', name), told('resolved', name)]);
			for (const heard of [fired, ended]) {
				expect(heard?.labels).toMatchObject({
					job: 'feed',
					shedder: 'quotes',
					instance: busy.target,
					severity: alert?.severity,
				});
				expect(heard?.annotations.summary).toContain(`quotes of feed on ${busy.target}`);
				expect(heard?.annotations.runbook_url).toBe(alert && runbookOf(alert));
			}
		},
	);

	it('tells of a shedder without a name too, by its job and instance', async () => {
		const fired = await told('firing', 'SheddingLoad', nameless);
		expect(fired?.labels).not.toHaveProperty('shedder');
		expect(fired?.annotations.summary).toBe(`feed on ${nameless.target} has shed load for 5 minutes`);
	});

	it('tells of the busy instances only, and of nothing that did not happen', () => {
		const strangers = posted.filter(({ labels }) => labels.instance === idle.target);
		expect(strangers).toEqual([]);
		const names = new Set(posted.map(({ labels }) => labels.alertname));
		for (const name of ['ProtectedTierShed', 'SpillLost', 'EvaluatorStalled', 'ProtectedTierUnserved'])
			expect(names).not.toContain(name);
	});

	it('was at every level', async () => {
		const levels = await prometheus.since(startedMs, `brownout_degradation_level{instance="${busy.target}"}`);
		expect(new Set(levels.flatMap(({ values }) => values))).toEqual(new Set([0, 1, 2, 3, 4]));
	});

	it('is evaluated by the rules of the file, each without an error', async () => {
		const loaded = await prometheus.rules();
		expect(loaded.filter(({ health, lastError }) => health !== 'ok' || lastError)).toEqual([]);
		const written = [...RECORDINGS.map(({ record }) => record), ...ALERTS.map(({ name }) => name)];
		expect(loaded.map(({ name }) => name).sort()).toEqual(written.sort());
		for (const { expr, ...rule } of [...RECORDINGS, ...ALERTS]) {
			const name = 'record' in rule ? rule.record : rule.name;
			const found = loaded.find((one) => one.name === name);
			expect(await prometheus.format(found?.query ?? ''), name).toBe(await prometheus.format(expr));
			if ('record' in rule) continue;
			const { summary, description, severity } = rule;
			expect(found).toMatchObject({ labels: { severity }, annotations: { summary, description } });
		}
	});

	it('gives every recording rule something to record', async () => {
		for (const { record } of RECORDINGS.filter((one) => one.record !== 'instance:brownout_spill_drain:seconds'))
			expect(await prometheus.since(startedMs, record), record).not.toEqual([]);
	});

	it.each(ALERTS)('can be asked everything that the runbook of $name asks', async (alert) => {
		const page = await readFile(new URL(`../../${runbookOf(alert)}`, import.meta.url), 'utf8');
		// A query that matches many to many is refused.
		for (const query of queriesOf(page)) await prometheus.since(startedMs, query);
	});

	describe('every panel of the dashboard', async () => {
		const board = await readBoard();
		const queries = shown(board).flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

		it.each(queries)('$title: $legendFormat has data', async ({ expr, legendFormat }) => {
			const found = await prometheus.since(startedMs, filledIn(expr, WINDOW));
			expect(found).not.toEqual([]);
			// What a legend names must be there, or lines could not be told apart.
			const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
			for (const { metric } of found) {
				const had = metric.instance === nameless.target ? [...Object.keys(metric), 'shedder'] : Object.keys(metric);
				expect(had).toEqual(expect.arrayContaining(named));
			}
			if (named.includes('instance'))
				expect(found.map(({ metric }) => metric.instance)).toEqual(
					expect.arrayContaining([busy.target, nameless.target]),
				);
		});

		it.each(board.templating.list.filter(({ definition }) => definition !== undefined))(
			'has values of $name to choose from',
			async ({ name, definition = '' }) => {
				const metric = definition.slice('label_values('.length, -`, ${name})`.length);
				const found = await prometheus.now(`group by (${name}) (${filledIn(metric)})`);
				const values = found.map(({ metric }) => metric[name]);
				// Grafana offers no value for a label that is missing: such a shedder is among all of them.
				expect(values.filter((value) => value !== undefined)).not.toEqual([]);
				if (name !== 'shedder') expect(values).not.toContain(undefined);
			},
		);
	});
});

describe('the rules of this test', () => {
	it('are those of the file, but for the time they wait', async () => {
		const file = await readFile(new URL('../../examples/observability/rules.yml', import.meta.url), 'utf8');
		expect(file.replaceAll(/^ {8}for: \w+$/gm, '        for: 0s')).toBe(RULES);
	});
});
