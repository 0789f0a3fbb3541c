import {
	BigValueColorMode,
	BigValueGraphMode,
	GraphDrawStyle,
	LegendDisplayMode,
	LegendPlacement,
	LineInterpolation,
	ReduceDataOptionsBuilder,
	SortOrder,
	StackingConfigBuilder,
	StackingMode,
	TooltipDisplayMode,
	VisibilityMode,
	VizLegendOptionsBuilder,
	VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
	FieldColorBuilder,
	FieldColorModeId,
	ThresholdsConfigBuilder,
	ThresholdsMode,
	type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { LEVELS, levelNames } from './levels.js';

/** What every panel says of itself. */
export interface Texts {
	readonly title: string;
	/** What it shows, and what to make of it. */
	readonly description: string;
	/** Grafana's id of the unit of the values. */
	readonly unit: string;
}

/** Queries by legend. */
export type Queries = Readonly<Record<string, string>>;

/** The selector of the variables, to stand behind a metric. @param more  further matchers. */
export const chosen = (metric: string, more = '') =>
	`brownout_${metric}{job=~"$job", instance=~"$instance", shedder=~"$shedder"${more && `, ${more}`}}`;

/** Per second, over a window that fits both the screen and the scrapes. */
export const rate = (metric: string, more = '') => `rate(${chosen(metric, more)}[$__rate_interval])`;

export const sumBy = (labels: string, query: string) => `sum by (${labels}) (${query})`;

/** Which shedder a line is of; the second half is empty for one without a name. */
export const WHICH = '{{instance}} {{shedder}}';

const queries = (given: Queries) =>
	Object.entries(given).map(([legend, expr], at) =>
		new DataqueryBuilder()
			.refId(String.fromCharCode(65 + at))
			.expr(expr)
			.legendFormat(legend)
			.range(),
	);

const legend = () =>
	new VizLegendOptionsBuilder()
		.displayMode(LegendDisplayMode.List)
		.placement(LegendPlacement.Bottom)
		.showLegend(true)
		.calcs(['lastNotNull']);

const tooltip = () => new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending);

/** Lines over time. */
export function lines({ title, description, unit }: Texts, given: Queries): TimeseriesBuilder {
	const panel = new TimeseriesBuilder()
		.title(title)
		.description(description)
		.unit(unit)
		.min(0)
		.span(12)
		.height(8)
		.lineWidth(1)
		.fillOpacity(10)
		.showPoints(VisibilityMode.Never)
		.legend(legend())
		.tooltip(tooltip());
	return panel.targets(queries(given));
}

/** Lines that jump from one value to the next, as levels do. */
export const steps = (texts: Texts, given: Queries) =>
	lines(texts, given).lineInterpolation(LineInterpolation.StepAfter);

/** Parts of a whole, on top of each other. */
export const stacked = (texts: Texts, given: Queries) =>
	lines(texts, given).fillOpacity(40).stacking(new StackingConfigBuilder().mode(StackingMode.Normal));

/** Counts of what happened within each interval. */
export const bars = (texts: Texts, given: Queries) =>
	stacked(texts, given).drawStyle(GraphDrawStyle.Bars).fillOpacity(80);

/** Gives the lines of the levels their colours, by the level at the beginning or the end of their names. */
export function inLevelColours(panel: TimeseriesBuilder): TimeseriesBuilder {
	return LEVELS.reduce(
		(coloured, { name, color }) =>
			coloured.overrideByRegexp(`/\\b${name}\\b/`, [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]),
		panel,
	);
}

/** A band for each line, coloured by its value. */
export function band({ title, description, unit }: Texts, given: Queries, mapping: ValueMapping): StateTimelineBuilder {
	return new StateTimelineBuilder()
		.title(title)
		.description(description)
		.unit(unit)
		.span(12)
		.height(8)
		.mergeValues(true)
		.fillOpacity(80)
		.lineWidth(0)
		.showValue(VisibilityMode.Auto)
		.mappings([mapping])
		.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
		.thresholds(levels())
		.legend(legend().showLegend(false))
		.tooltip(tooltip())
		.targets(queries(given));
}

/** One number. @param bad  from here on it is red; without it the number is a level. */
export function figure({ title, description, unit }: Texts, expr: string, bad?: number): StatBuilder {
	const steps = [
		{ value: null, color: 'green' },
		{ value: bad ?? 0, color: 'red' },
	];
	const panel = new StatBuilder()
		.title(title)
		.description(description)
		.unit(unit)
		.span(4)
		.height(4)
		.colorMode(BigValueColorMode.Background)
		.graphMode(BigValueGraphMode.None)
		.reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
		.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
		.targets(queries({ '': expr }));
	return bad === undefined
		? panel.mappings([levelNames]).thresholds(levels())
		: panel.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps));
}

/** The colours of the levels by their index. */
const levels = () =>
	new ThresholdsConfigBuilder()
		.mode(ThresholdsMode.Absolute)
		.steps(LEVELS.map(({ color }, index) => ({ value: index === 0 ? null : index, color })));
