import {
	DashboardBuilder,
	DashboardCursorSync,
	DatasourceVariableBuilder,
	QueryVariableBuilder,
	RowBuilder,
	VariableHide,
	VariableRefresh,
	VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { glance } from './rows/glance.js';
import { ladder } from './rows/ladder.js';
import { messages } from './rows/messages.js';
import { service } from './rows/service.js';
import { signals } from './rows/signals.js';
import { spill } from './rows/spill.js';

const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const;

/** The values of a variable are those of a label, among what is chosen further to the left. */
const VARIABLES: Readonly<Record<string, string>> = {
	job: 'brownout_degradation_level',
	instance: 'brownout_degradation_level{job=~"$job"}',
	shedder: 'brownout_degradation_level{job=~"$job", instance=~"$instance"}',
	signal: 'brownout_signal_threshold{job=~"$job", instance=~"$instance", shedder=~"$shedder"}',
};

/** Only there to repeat a panel. */
const HIDDEN = ['signal'];

const ROWS = {
	'At a glance': glance,
	'The ladder': ladder,
	Signals: signals,
	Messages: messages,
	'Spill and replay': spill,
	'Intake, overrides, tiers': service,
};

/** The dashboard for Grafana, as its JSON. The same every time. */
export function dashboard(): string {
	const board = new DashboardBuilder('brownout')
		.uid('brownout')
		.description('Graceful degradation: where the ladder stands, why, what is shed, and what waits.')
		.tags(['brownout'])
		.tooltip(DashboardCursorSync.Crosshair)
		.time({ from: 'now-1h', to: 'now' })
		.refresh('10s')
		.withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
	for (const [label, metric] of Object.entries(VARIABLES)) {
		const hide = HIDDEN.includes(label) ? VariableHide.HideVariable : VariableHide.DontHide;
		board.withVariable(variable(label, metric).hide(hide));
	}
	let id = 0;
	for (const [title, panels] of Object.entries(ROWS)) {
		board.withRow(new RowBuilder(title).id(++id));
		for (const panel of panels) board.withPanel(panel.id(++id).datasource(DATASOURCE));
	}
	return `${JSON.stringify(board.build(), null, '\t')}\n`;
}

function variable(label: string, metric: string): QueryVariableBuilder {
	const query = `label_values(${metric}, ${label})`;
	return new QueryVariableBuilder(label)
		.label(`${label.charAt(0).toUpperCase()}${label.slice(1)}`)
		.datasource(DATASOURCE)
		.query({ query, refId: label })
		.definition(query)
		.refresh(VariableRefresh.OnTimeRangeChanged)
		.sort(VariableSort.AlphabeticalAsc)
		.multi(true)
		.includeAll(true)
		.allValue('.*')
		.current({ text: ['All'], value: ['$__all'] });
}
