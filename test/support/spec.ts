import type { LadderSpec } from '../../src/core/spec.js';

/** A ladder whose names are only known at run time. */
export type Spec = LadderSpec<string, string, string, string, string>;
