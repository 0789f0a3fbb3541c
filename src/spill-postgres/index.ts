export type { PostgresConnection, PostgresPool, PostgresResult } from './client.js';
export type { PostgresDurability, PostgresSpillOptions } from './options.js';
export { postgresSpill } from './spill.js';
export { postgresSpillTable } from './table.js';
