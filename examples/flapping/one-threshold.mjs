export { bare as default } from './ladder.mjs';
