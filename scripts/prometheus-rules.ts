import { writeFile } from 'node:fs/promises';
import { ALERTS } from './observability/alerts.js';
import { RECORDINGS } from './observability/recordings.js';
import { rulesFile } from './observability/yaml.js';

/** Writes the rules for Prometheus: `npm run docs:observability`. test/observability/rules.test.ts tells when that is due. */
const text = rulesFile(RECORDINGS, ALERTS);
await writeFile(new URL('../examples/observability/rules.yml', import.meta.url), text);
process.stdout.write(`examples/observability/rules.yml ${ALERTS.length} alerts, ${RECORDINGS.length} recordings\n`);
