/** An alert of the rules file. */
export interface Alert {
	readonly name: string;
	/** `critical`: somebody is woken. `warning`: somebody looks at it in the morning. */
	readonly severity: 'critical' | 'warning';
	/** PromQL; what it gives fires. Keeps every label that the target has, so that others' routing works on it. */
	readonly expr: string;
	/** How long it must hold, as Prometheus writes durations. */
	readonly for: string;
	/** One line; Prometheus fills in `{{ }}`. */
	readonly summary: string;
	/** What it means and what to do first. */
	readonly description: string;
	/** Why the expression and its numbers are what they are: a comment in the file. */
	readonly why: string;
}

/** A recording rule: a query that is costly or easily got wrong, under a name. */
export interface Recording {
	/** `level:metric:operations`. */
	readonly record: string;
	readonly expr: string;
	readonly why: string;
}

/** Where the runbook of an alert is, from the root of the project. */
export function runbookOf({ name }: Alert): string {
	const words = name.replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`);
	return `docs/runbooks/${words.toLowerCase()}.md`;
}
