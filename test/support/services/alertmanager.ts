import { access, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { answers } from './http.js';
import { type Instance, launch } from './instance.js';

/** Debian's name, and that of the project. */
const NAMES = ['prometheus-alertmanager', 'alertmanager'] as const;

/**
 * A private Alertmanager on loopback, without peers, that waits for nothing.
 *
 * @param webhook the URL to which it posts each group of alerts, those that are resolved too.
 */
export async function startAlertmanager(webhook: string): Promise<Instance> {
	const file = await firstInPath(NAMES);
	return launch({
		name: 'alertmanager',
		url: (port) => `http://127.0.0.1:${port}`,
		refusal: (url) => answers(`${url}/-/ready`),
		prepare: (directory) =>
			writeFile(
				join(directory, 'alertmanager.yml'),
				JSON.stringify({
					route: { receiver: 'test', group_by: ['...'], group_wait: '0s', group_interval: '1s', repeat_interval: '1h' },
					receivers: [{ name: 'test', webhook_configs: [{ url: webhook, send_resolved: true }] }],
				}),
			),
		command: (port, directory) => ({
			file,
			args: [
				`--config.file=${join(directory, 'alertmanager.yml')}`,
				`--storage.path=${join(directory, 'data')}`,
				`--web.listen-address=127.0.0.1:${port}`,
				'--cluster.listen-address=',
				'--log.level=warn',
			],
		}),
	});
}

/** The first of these programmes that is in the PATH, else the first, which then fails to start. */
async function firstInPath(names: readonly [string, ...string[]]): Promise<string> {
	for (const name of names)
		for (const directory of (process.env.PATH ?? '').split(delimiter)) {
			const found = await access(join(directory, name)).then(
				() => true,
				() => false,
			);
			if (found) return name;
		}
	return names[0];
}
