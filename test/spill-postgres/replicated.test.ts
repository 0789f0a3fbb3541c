import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { binariesDirectory } from '../support/services/postgres.js';
import { describeWith, startPostgres, until } from '../support/services.js';
import { records } from '../support/spill-records.js';
import { place } from './place.js';

await describeWith(
	() => startPostgres({ synchronous_standby_names: 'receiver' }),
	'a replicated postgresSpill',
	(server) => {
		it('resolves an append when the standby has it, and not before', async () => {
			const directory = await mkdtemp(join(tmpdir(), 'brownout-standby-'));
			await chmod(directory, 0o700);
			// Receives and syncs the log as a standby does, without a server on top.
			const source = `${server.url}?application_name=receiver`;
			const receiver = spawn(
				join(await binariesDirectory(), 'pg_receivewal'),
				['-D', directory, '--synchronous', '-d', source],
				{ stdio: 'ignore' },
			);
			// A stopped process ends by this signal only.
			onTestFinished(() => void receiver.kill('SIGKILL'));
			await once(receiver, 'spawn');
			const { query, store: make, destroy } = place(server.url);
			const synchronous = async () => {
				const [standby] = await query(`SELECT sync_state FROM pg_stat_replication WHERE application_name = 'receiver'`);
				return standby?.sync_state === 'sync';
			};
			await until('the standby follows', synchronous);
			const store = make({ durability: 'replicated' });
			await store.open();
			await store.append(records(10));
			receiver.kill('SIGSTOP');
			let resolved = false;
			const appending = store.append(records(10, 10)).then(() => {
				resolved = true;
			});
			await until('the server waits for the standby', async () => {
				const [waits] = await query(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
				return waits?.n === 1;
			});
			expect(resolved).toBe(false);
			receiver.kill('SIGCONT');
			await appending;
			expect(await store.stats()).toMatchObject({ records: 20 });
			await store.close();
			await destroy();
			receiver.kill('SIGTERM');
			await once(receiver, 'exit');
			await rm(directory, { recursive: true });
		}, 30_000);
	},
);
