import type { Group } from '../group.js';
import { asyncBatch, syncBatch } from './batch.js';
import { check } from './check.js';
import { decision } from './decide.js';
import { fetchRequests, nodeRequests } from './http.js';
import { metrics, metricsBytes, scrape } from './metrics.js';
import { sample } from './step.js';
import { asyncHandler, emptyHandler, syncHandler, waitingHandler } from './wrap.js';

/** All groups, by the name that `--only` takes. */
export const groups: Readonly<Record<string, Group>> = {
	decide: decision,
	wrap: syncHandler,
	'wrap-async': asyncHandler,
	'wrap-empty': emptyHandler,
	'wrap-waiting': waitingHandler,
	batch: syncBatch,
	'batch-async': asyncBatch,
	check,
	step: sample,
	'http-fetch': fetchRequests,
	'http-node': nodeRequests,
	metrics,
	'metrics-bytes': metricsBytes,
	scrape,
};
