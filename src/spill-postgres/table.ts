import { verify } from '../core/errors.js';
import { SpillError } from '../ports/spill.js';
import { quoted } from './names.js';
import { COUNT_RULE, isCount, isName, NAME_RULE, type Options } from './options.js';
import type { Session } from './session.js';

/**
 * The definition of the table, for those whose services may not create one: run it in a migration.
 *
 * @param options as given to {@link postgresSpill}, with the same defaults.
 * @throws ConfigError when a name or the number of partitions is not possible.
 */
export function postgresSpillTable({
	schema = 'public',
	table = 'brownout_spill',
	partitions = 1,
}: {
	readonly schema?: string | undefined;
	readonly table?: string | undefined;
	readonly partitions?: number | undefined;
} = {}): string {
	verify('postgresSpillTable', (must) => {
		for (const [path, name] of Object.entries({ schema, table })) must(isName(name), path, name, NAME_RULE);
		must(isCount(partitions), 'partitions', partitions, COUNT_RULE);
	});
	const name = quoted({ schema, table });
	// `seq` comes from a sequence, which does not go back when the table is drained. Where it goes back all the same, because the
	// server lost what it had or somebody emptied the table, `mark` tells the rows of one statement from those of another.
	return `CREATE TABLE ${name} (
	partition smallint NOT NULL,
	seq bigint GENERATED ALWAYS AS IDENTITY,
	id text NOT NULL,
	key text NOT NULL,
	payload bytea NOT NULL,
	enqueued_at_ms double precision NOT NULL,
	expires_at_ms double precision,
	headers text,
	bytes integer NOT NULL,
	mark integer NOT NULL,
	PRIMARY KEY (partition, seq)
);
COMMENT ON TABLE ${name} IS '${comment(partitions)}';`;
}

/** Says that the table is ours, in which format, and with how many partitions its keys were distributed. */
const comment = (partitions: number) => `brownout spill, format 1, partitions ${partitions}`;

/**
 * Creates the table if there is none. The session owns it already, so no other store does the same.
 *
 * @returns whether the table survives a crash of the server: an unlogged one is emptied.
 * @throws SpillError `SPILL_FORMAT` when there is another table of that name.
 */
export async function ensureTable(session: Session, options: Options): Promise<{ readonly logged: boolean }> {
	const name = quoted(options);
	const [found] = await session.query(
		`SELECT relpersistence::text, obj_description(oid, 'pg_class') AS comment FROM pg_class WHERE oid = to_regclass($1)`,
		[name],
	);
	if (found === undefined) {
		await session.query(postgresSpillTable(options));
		return { logged: true };
	}
	if (found.comment !== comment(options.partitions)) {
		const is = found.comment === null ? 'no comment' : `the comment ${JSON.stringify(found.comment)}`;
		throw new SpillError(
			`the table ${name} has ${is} and must have "${comment(options.partitions)}": it is not a spill, ` +
				'or it has another number of partitions, which cannot change while it exists',
			{ code: 'SPILL_FORMAT' },
		);
	}
	return { logged: found.relpersistence === 'p' };
}
