export type { Observable, Stats } from '../handling/stats.js';
