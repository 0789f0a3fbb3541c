export { fileSpill } from './file-spill.js';
export type { FileSpillOptions } from './options.js';
export { readSpill, type SpillOwner, type SpillPartition, type SpillView } from './read-spill.js';
export type { FileSpill, FileSpillStats } from './types.js';
