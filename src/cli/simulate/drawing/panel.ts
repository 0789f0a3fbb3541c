import type * as PlotModule from '@observablehq/plot';
import type { Ladder } from '../../../index.js';
import type { Simulation } from '../../../simulate/index.js';

/** What is drawn: a run, and the ladder it was run through. */
export interface Picture {
	readonly name: string;
	readonly ladder: Ladder;
	readonly result: Simulation;
}

/** A coloured field, a line of a colour (`dash`: broken), or words alone. */
export interface LegendEntry {
	readonly label: string;
	readonly fill?: string;
	readonly line?: string;
	readonly dash?: string;
}

export interface Panel {
	readonly title: string;
	readonly legend?: readonly LegendEntry[];
	readonly height: number;
	readonly options: PlotModule.PlotOptions;
}
