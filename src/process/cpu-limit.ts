import { readFileSync } from 'node:fs';

/** The text of a file, `undefined` where there is none to read. */
export type ReadText = (path: string) => string | undefined;

/**
 * How many CPUs a process may use, not always a whole number: `cores`, or the smallest quota among its Linux control groups.
 * In a container with a quota the number of cores is that of the machine.
 */
export function cpusOf(cores: number, read: ReadText): number {
	const quotas = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
		const [, controllers = '', path = ''] = line.split(':');
		if (controllers === '') return upwards(path).map((group) => quotaV2(group, read));
		return controllers.split(',').includes('cpu') ? upwards(path).map((group) => quotaV1(group, read)) : [];
	});
	return Math.min(cores, ...quotas);
}

export const readText: ReadText = (path) => {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		// Absent on other systems, and wherever a control group has no limit of its own: then there is none to respect.
		return undefined;
	}
};

/** A group and all above it: a limit anywhere on the way up binds. In a container the path may not exist; its root does. */
function upwards(path: string): string[] {
	const names = path.split('/').filter((name) => name !== '');
	return ['', ...names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`)];
}

function quotaV2(group: string, read: ReadText): number {
	const [quota, period] = (read(`/sys/fs/cgroup${group}/cpu.max`) ?? '').split(' ');
	return cpus(quota, period);
}

function quotaV1(group: string, read: ReadText): number {
	const directory = `/sys/fs/cgroup/cpu${group}`;
	return cpus(read(`${directory}/cpu.cfs_quota_us`), read(`${directory}/cpu.cfs_period_us`));
}

/** Without a limit the quota is absent, `max` or -1. */
function cpus(quota: string | undefined, period: string | undefined): number {
	const ratio = Number(quota) / Number(period);
	return ratio > 0 ? ratio : Infinity;
}
