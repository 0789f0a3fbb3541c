import { resolve } from 'node:path';
import { SpillError, type Spilled, type SpillRecord, type SpillStore } from '../../index.js';
import { fileSpill, readSpill, type SpillView } from '../../spill-file/index.js';
import { blame, InputError } from '../input-error.js';

export interface RequeueFlags {
	readonly max?: string;
	readonly partitions?: string;
}

/** Read, appended and acknowledged together. */
const BATCH = { maxRecords: 1000, maxBytes: 4 * 1024 * 1024 };

/** Puts dead letters back into the spill they came from. Both directories have to be free: the service is stopped. */
export async function requeue(from: string, to: string, flags: RequeueFlags): Promise<void> {
	const most = wholeNumber('--max', flags.max) ?? Number.POSITIVE_INFINITY;
	if (resolve(from) === resolve(to))
		throw new InputError(`${from}: the dead letters and the spill are the same directory`);
	const given = wholeNumber('--partitions', flags.partitions);
	const dead = await blame(from, () => readSpill(from));
	const live = await blame(to, () => readSpill(to));
	let moved = 0;
	try {
		refuseIfOwned(from, dead);
		refuseIfOwned(to, live);
		const deadLetters = await storeIn(from, dead.writtenPartitions ?? dead.partitions.length);
		const spill = await storeIn(to, partitionsOf(to, live, given));
		try {
			await spill.open();
			await deadLetters.open();
			for await (const count of move(deadLetters, spill, most)) moved += count;
			const { records, damage } = await deadLetters.stats();
			process.stdout.write(`${moved} dead letters requeued, ${records} left\n`);
			if (damage.missingRecords > 0) throw new SpillError(`${damage.missingRecords} dead letters are missing`);
		} finally {
			await Promise.all([deadLetters.close(), spill.close()]);
		}
	} catch (error) {
		if (!(error instanceof SpillError)) throw error;
		const stop = error.code === 'SPILL_LOCKED' ? '; stop the service first' : '';
		process.stderr.write(`brownout: ${error.message}${stop}\n`);
		process.exitCode = 1;
	}
}

/**
 * Moves records batch by batch: durable in the spill before they are acknowledged as dead letters, so that none is lost if this
 * ends on the way. A batch may come twice then.
 *
 * @returns how many each batch had.
 */
async function* move(deadLetters: SpillStore, spill: SpillStore, most: number): AsyncGenerator<number> {
	let left = most;
	for (let partition = 0; partition < deadLetters.capabilities.partitions; partition++) {
		while (left > 0) {
			const maxRecords = Math.min(BATCH.maxRecords, left);
			const batch = await deadLetters.read({ ...BATCH, partition, maxRecords });
			const last = batch.at(-1);
			if (last === undefined) break;
			await spill.append(batch.map(revived));
			await deadLetters.ack(partition, last.cursor);
			left -= batch.length;
			yield batch.length;
		}
	}
}

/** The record as it was spilled, without the reasons why it was given up. */
function revived({ id, key, payload, enqueuedAtMs, headers = {} }: Spilled): SpillRecord {
	const { error: _error, attempts: _attempts, failedAtMs: _failedAtMs, ...own } = headers;
	return { id, key, payload, enqueuedAtMs, headers: own };
}

/** A store on a directory, without limits of its own: those of the service count when it runs. */
function storeIn(directory: string, partitions: number): Promise<SpillStore> {
	const unlimited = { maxBytes: Number.MAX_SAFE_INTEGER, maxRecordBytes: 1024 ** 3 };
	return blame(directory, () => fileSpill({ directory, partitions, ...unlimited }));
}

/** Before anything else is found wrong: what the directory says of itself may be about to change. */
function refuseIfOwned(directory: string, { owner }: SpillView): void {
	if (!owner?.alive) return;
	throw new SpillError(`${directory} is in use by process ${owner.pid} on ${owner.host}`, { code: 'SPILL_LOCKED' });
}

/** As the service has them: with another number it would refuse to start on what we append. */
function partitionsOf(
	directory: string,
	{ writtenPartitions, partitions }: SpillView,
	given: number | undefined,
): number {
	// Each has a cursor file, also when it is drained. Where some of them are gone they tell nothing.
	const whole = partitions.every(({ partition }, n) => partition === n);
	const told = writtenPartitions ?? (whole ? partitions.length : undefined) ?? given;
	if (told === undefined)
		throw new InputError(`${directory}: nothing there tells its number of partitions; give --partitions`);
	if (given === undefined || given === told) return told;
	throw new InputError(`--partitions: ${given} must be ${told}, as ${directory} has it`);
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	const value = Number(text);
	if (Number.isInteger(value) && value >= 1) return value;
	throw new InputError(`${option}: "${text}" must be a whole number of at least 1`);
}
