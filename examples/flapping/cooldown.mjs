export { cooled as default } from './ladder.mjs';
