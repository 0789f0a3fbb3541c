import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { InputError } from '../../input-error.js';
import type { Broker, BrokerName, Place } from './broker.js';
import { kafka } from './kafka.js';
import { nats } from './nats.js';
import { rabbitmq } from './rabbitmq.js';
import { redis } from './redis.js';

/** In the order in which `auto` looks for them. */
export const brokers: { readonly [K in BrokerName]: Broker } = { kafka, nats, redis, rabbitmq };

export const BROKER_NAMES = Object.keys(brokers) as BrokerName[];

/** How long a port may take to answer. */
const REACH_MS = 2_000;

/**
 * A place for a run.
 *
 * @param wanted  a broker, `'memory'` for none, or `'auto'` for the first one that answers, else none.
 * @returns `undefined` for none.
 * @throws InputError when the wanted one cannot be had, with what to do about it.
 */
export async function findPlace(
	wanted: BrokerName | 'auto' | 'memory',
	env: NodeJS.ProcessEnv,
): Promise<Place | undefined> {
	if (wanted === 'memory') return undefined;
	for (const broker of wanted === 'auto' ? BROKER_NAMES : [wanted]) {
		const { title, variable, localUrl, packages } = brokers[broker];
		const url = env[variable] ?? localUrl;
		const missing = await missingOf(packages);
		const answers = await isReachable(url);
		if (missing.length === 0 && answers) return { broker, url, name: `brownout-demo-${randomUUID().slice(0, 8)}` };
		if (wanted === 'auto') continue;
		if (missing.length > 0)
			throw new InputError(`--broker ${broker} needs its client: npm install ${missing.join(' ')}`);
		throw new InputError(`--broker ${broker}: no ${title} answers at ${url}; ${variable} says where it is`);
	}
	return undefined;
}

async function missingOf(packages: readonly string[]): Promise<string[]> {
	const found = await Promise.allSettled(packages.map((name) => import(name)));
	return packages.filter((_, i) => found[i]?.status === 'rejected');
}

/** Whether somebody listens there. Of several brokers the first is asked. */
function isReachable(url: string): Promise<boolean> {
	const [first = ''] = url.split(',');
	const { hostname, port } = new URL(first.includes('://') ? first : `tcp://${first}`);
	return new Promise((resolve) => {
		const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), timeout: REACH_MS });
		const end = (answers: boolean) => {
			socket.destroy();
			resolve(answers);
		};
		socket.once('connect', () => end(true));
		socket.once('timeout', () => end(false));
		socket.once('error', () => end(false));
	});
}
