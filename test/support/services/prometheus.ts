import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answers } from './http.js';
import { type Instance, launch } from './instance.js';

/** What a private Prometheus scrapes, evaluates and tells. */
export interface PrometheusSettings {
	/** What `http://HOST:PORT/metrics` stands for as `host:port`, by job. */
	readonly targets: { readonly [job: string]: readonly string[] };
	/** Texts of rule files. */
	readonly rules?: readonly string[];
	/** The URL of an Alertmanager. */
	readonly alertmanager?: string;
	/** How often it scrapes and evaluates. Default `500ms`. */
	readonly every?: string;
}

/** A private Prometheus on loopback, fast enough for a test: it scrapes and evaluates twice a second. */
export const startPrometheus = ({
	targets,
	rules = [],
	alertmanager,
	every = '500ms',
}: PrometheusSettings): Promise<Instance> =>
	launch({
		name: 'prometheus',
		url: (port) => `http://127.0.0.1:${port}`,
		refusal: (url) => answers(`${url}/-/ready`),
		async prepare(directory) {
			await mkdir(join(directory, 'rules'));
			for (const [i, text] of rules.entries()) await writeFile(join(directory, 'rules', `${i}.yml`), text);
			const config = {
				global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
				rule_files: [join(directory, 'rules', '*.yml')],
				scrape_configs: Object.entries(targets).map(([job, list]) => ({
					job_name: job,
					static_configs: [{ targets: list }],
				})),
				...(alertmanager && {
					alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager).host] }] }] },
				}),
			};
			// JSON is valid YAML.
			await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(config));
		},
		command: (port, directory) => ({
			file: 'prometheus',
			args: [
				`--config.file=${join(directory, 'prometheus.yml')}`,
				`--storage.tsdb.path=${join(directory, 'data')}`,
				`--web.listen-address=127.0.0.1:${port}`,
				'--log.level=warn',
			],
		}),
	});
