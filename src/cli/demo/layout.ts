import type pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

/** Fits a terminal of 80 columns. */
export const WIDTH = 79;
const LABEL = 14;
/** What is left of a line beside its label. */
export const BESIDE_LABEL = WIDTH - LABEL;

/** The beginning of a line of the panel. */
export const label = (text: string) => ` ${text.padEnd(LABEL - 1)}`;
