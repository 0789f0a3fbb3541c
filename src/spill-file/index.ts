export { fileSpill } from './file-spill.js';
export type { FileSpillOptions } from './options.js';
export type { FileSpill, FileSpillStats } from './types.js';
