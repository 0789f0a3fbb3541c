export { TierFileError } from './error.js';
export { type TiersWatch, type WatchTiersOptions, watchTiers } from './watch.js';
