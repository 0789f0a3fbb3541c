import { SpillError } from '../ports/spill.js';
import { quoted } from './names.js';
import type { Options } from './options.js';
import type { Session } from './session.js';

/**
 * Checks that the server keeps what was declared.
 *
 * @throws SpillError `SPILL_DURABILITY`, naming each setting that is in the way.
 */
export async function checkDurability(session: Session, options: Options, table: { logged: boolean }): Promise<void> {
	if (options.durability === 'process') return;
	const [settings] = await session.query(
		`SELECT ${SETTINGS.map((name) => `current_setting('${name}') AS ${name}`).join(', ')}`,
	);
	const is = (name: (typeof SETTINGS)[number]) => String(settings?.[name]);
	const wrong: string[] = [];
	const must = (ok: boolean, name: (typeof SETTINGS)[number], rule: string) => {
		if (!ok) wrong.push(`${name} is ${JSON.stringify(is(name))} and must be ${rule}`);
	};
	must(is('fsync') === 'on', 'fsync', 'on');
	must(is('full_page_writes') === 'on', 'full_page_writes', 'on');
	if (options.durability === 'replicated') {
		must(is('synchronous_standby_names') !== '', 'synchronous_standby_names', 'set');
		must(['on', 'remote_apply'].includes(is('synchronous_commit')), 'synchronous_commit', 'on or remote_apply');
	} else {
		must(is('synchronous_commit') !== 'off', 'synchronous_commit', 'on');
	}
	if (!table.logged) wrong.push(`the table ${quoted(options)} is unlogged and must be logged`);
	if (wrong.length === 0) return;
	throw new SpillError(
		`the postgres spill is declared durability: '${options.durability}', which the server does not keep: ` +
			`${wrong.join('; ')}. Change that, or declare a weaker durability`,
		{ code: 'SPILL_DURABILITY' },
	);
}

const SETTINGS = ['fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names'] as const;
