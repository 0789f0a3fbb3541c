export { gradual as default } from './ladder.mjs';
