import { ladderSpecs as anyLadderSpecs, type LadderScope } from '../../src/testing/arbitraries/ladder-specs.js';
import { scriptsOf, segmentsOf } from '../../src/testing/arbitraries/samples.js';
import { fc } from './property.js';

// What users are given for their ladder, for all ladders: a script is drawn apart from its ladder, so that both shrink.

/** As many signals as {@link ladderSpecs} gives a ladder at most. */
const SIGNALS = 4;

export const ladderSpecs = (scope?: LadderScope) => anyLadderSpecs(fc, scope);
export const segments = segmentsOf(fc, SIGNALS);
export const scripts = scriptsOf(fc, SIGNALS);

export { BAD, edgesOf, nextDown, nextUp } from '../../src/testing/arbitraries/edges.js';
export { play as samplesOf, type Segment } from '../../src/testing/arbitraries/samples.js';
