import type { Alert, Recording } from './rule.js';
import { runbookOf } from './rule.js';

const WIDTH = 110;

const HEAD = `# Alerts and recording rules for brownout. Ready to copy; generated: npm run docs:observability.
#
# They are for the prefix \`brownout_\`. For another one: sed 's/brownout_/k2_/g' rules.yml
# Runbooks are pages of the project. To have links: sed 's|runbook_url: docs|runbook_url: https://HOST/PATH/docs|' rules.yml
# What each alert means: docs/observability.md.
`;

/**
 * The rules as a file for Prometheus. Only what rules need of YAML, and all texts as blocks, so that nothing has to be
 * escaped; that Prometheus reads the same from it is tested.
 */
export function rulesFile(recordings: readonly Recording[], alerts: readonly Alert[]): string {
	return [
		HEAD,
		'groups:',
		'  - name: brownout-recordings',
		'    rules:',
		...recordings.map(recording),
		'  - name: brownout-alerts',
		'    rules:',
		...alerts.map(alert),
		'',
	].join('\n');
}

const recording = ({ record, expr, why }: Recording): string =>
	[comment(why), `      - record: ${record}`, block('        expr', expr)].join('\n');

const alert = (given: Alert): string =>
	[
		comment(given.why),
		`      - alert: ${given.name}`,
		block('        expr', given.expr),
		`        for: ${given.for}`,
		'        labels:',
		`          severity: ${given.severity}`,
		'        annotations:',
		block('          summary', given.summary),
		block('          description', given.description),
		`          runbook_url: ${runbookOf(given)}`,
	].join('\n');

/** A literal block, its end of line stripped. */
function block(key: string, text: string): string {
	const indent = ' '.repeat(key.search(/\S/) + 2);
	return `${key}: |-\n${text
		.split('\n')
		.map((line) => `${indent}${line}`)
		.join('\n')}`;
}

/** Wrapped at {@link WIDTH} columns. */
function comment(text: string): string {
	const lines = [''];
	for (const word of text.split(' ')) {
		const line = `${lines.at(-1)} ${word}`;
		if (line.length > WIDTH) lines.push(` ${word}`);
		else lines[lines.length - 1] = line;
	}
	return lines.map((line) => `      #${line}`).join('\n');
}
