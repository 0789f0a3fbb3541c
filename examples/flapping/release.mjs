export { released as default } from './ladder.mjs';
