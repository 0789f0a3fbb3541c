import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Replaces a file as a whole: a reader, or a crash, meets the old content or the new one, never a part. */
export async function writeAtomically(file: string, text: string): Promise<void> {
	// In the same directory, because a rename is atomic within one file system only.
	const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
	try {
		const handle = await open(temporary, 'w');
		try {
			await handle.writeFile(text);
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(temporary, file);
	} catch (error) {
		await rm(temporary, { force: true });
		throw error;
	}
	// The rename itself is durable once the directory is; Windows cannot open one.
	if (process.platform !== 'win32') {
		const directory = await open(dirname(file));
		await directory.sync().finally(() => directory.close());
	}
}
