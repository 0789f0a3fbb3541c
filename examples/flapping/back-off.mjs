export { backedOff as default } from './ladder.mjs';
