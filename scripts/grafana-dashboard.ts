import { writeFile } from 'node:fs/promises';
import { dashboard } from './observability/dashboard.js';

/** Writes the dashboard for Grafana: `npm run docs:observability`. test/observability/dashboard.test.ts tells when that is due. */
const text = dashboard();
await writeFile(new URL('../examples/observability/dashboard.json', import.meta.url), text);
process.stdout.write(`examples/observability/dashboard.json ${text.length} bytes\n`);
