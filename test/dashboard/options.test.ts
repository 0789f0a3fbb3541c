import { afterAll, describe, expect, it } from 'vitest';
import { type DashboardOptions, dashboardHandler, serveDashboard } from '../../src/dashboard/index.js';
import { subject } from './subject.js';

const { shedder } = subject();
afterAll(() => shedder.stop());

describe('the options of the dashboard', () => {
	it.each([
		[{ everyMs: 99 }, 'everyMs: 99 must be at least 100 and below 2 ** 31'],
		[{ everyMs: Number.NaN, historyMs: 1 }, 'everyMs: NaN must be at least 100 and below 2 ** 31'],
		[{ historyMs: 999 }, 'historyMs: 999 must be from everyMs to 3600 times everyMs (3600000)'],
		[{ historyMs: 3_600_001 }, 'historyMs: 3600001 must be from everyMs to 3600 times everyMs (3600000)'],
		[{ hosts: ['https://a'] }, 'hosts[0]: "https://a" must be a name without a scheme and a port'],
		[{ hosts: ['a:80'] }, 'hosts[0]: "a:80" must be a name without a scheme and a port'],
		[{ hosts: 'a' }, 'hosts: "a" must be a list of names'],
		[{ title: 5 }, 'title: 5 must be a text'],
		[{ viewersMax: 0 }, 'viewersMax: 0 must be a whole number above 0'],
		[{ overrides: {} }, 'overrides.token: a length of undefined must be at least 16 characters'],
		[{ overrides: { token: 'too-short' } }, 'overrides.token: a length of 9 must be at least 16 characters'],
		[
			{ overrides: { token: 'with spaces in it, long' } },
			'overrides.token: "what was given" must be without white space, which a header does not keep',
		],
		[
			{ overrides: { token: 'long-enough-for-it', maxTtlMs: 0 } },
			'overrides.maxTtlMs: 0 must be a finite number above 0',
		],
	])('refuse %j', (options, message) => {
		expect(() => dashboardHandler(shedder, options as DashboardOptions)).toThrow(message);
	});

	it('never tell the token in what they refuse', () => {
		const token = 'secret1';
		expect(() => dashboardHandler(shedder, { overrides: { token } })).toThrow(
			expect.objectContaining({ message: expect.not.stringContaining(token) }),
		);
	});

	it.each([
		[{ port: 65_536 }, 'port: 65536 must be a whole number from 0 to 65535'],
		[{ host: '' }, 'host: "" must be an address'],
	])('of a server refuse %j', async (options, message) => {
		await expect(serveDashboard(shedder, options)).rejects.toThrow(message);
	});
});
