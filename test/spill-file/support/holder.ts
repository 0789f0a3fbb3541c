/** A worker thread that holds a directory, with a record in it, until it is ended. Its data: the directory. */
import { parentPort, workerData } from 'node:worker_threads';
import { fileSpill } from '../../../src/spill-file/index.js';

const store = fileSpill({ directory: String(workerData), maxBytes: 1_000_000, minFreeBytes: 0 });
await store.open();
await store.append([{ id: 'id-7', key: 'key', payload: Uint8Array.of(7), enqueuedAtMs: 0 }]);
parentPort?.postMessage('open');
parentPort?.on('message', () => {});
