import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { find, type Service } from './find.js';
import { freePort, type Instance, launch } from './instance.js';

export const rabbitmq = (): Promise<Service | undefined> =>
	find({
		name: 'rabbitmq',
		variable: 'AMQP_URL',
		localUrl: 'amqp://guest:guest@127.0.0.1:5672',
		refusal,
		start: startRabbitmq,
	});

/**
 * A private rabbitmq-server, a node of its own. What it leaves running is epmd, which all programs in Erlang share.
 *
 * @param settings of its application `rabbit`, such as `{ consumer_timeout: 5000 }`.
 */
export async function startRabbitmq(settings: { readonly [name: string]: number } = {}): Promise<Instance> {
	const [file, nodePort] = await Promise.all([programme(), freePort()]);
	return launch({
		name: 'rabbitmq',
		url: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
		refusal,
		readyMs: 120_000,
		async prepare(directory) {
			await mkdir(join(directory, 'mnesia'));
			await writeFile(join(directory, 'plugins'), '[].');
			await writeFile(join(directory, 'rabbitmq.conf'), '');
		},
		command: (port, directory) => ({
			file,
			args: [],
			env: {
				// Where the cookie of the node is made.
				HOME: directory,
				ERL_EPMD_ADDRESS: '127.0.0.1',
				RABBITMQ_NODENAME: `brownout-${port}@localhost`,
				RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
				RABBITMQ_NODE_PORT: String(port),
				RABBITMQ_DIST_PORT: String(nodePort),
				RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
					'-kernel inet_dist_use_interface {127,0,0,1}',
					...Object.entries(settings).map(([name, value]) => `-rabbit ${name} ${value}`),
				].join(' '),
				RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
				RABBITMQ_LOG_BASE: directory,
				RABBITMQ_LOGS: '-',
				RABBITMQ_PID_FILE: join(directory, 'pid'),
				RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
				RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
				RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
				// The script becomes the server instead of watching over it: a signal for one is one for the other.
				RUNNING_UNDER_SYSTEMD: 'true',
			},
		}),
	});
}

/** Debian puts a script into the PATH that changes the user and forgets the environment. */
async function programme(): Promise<string> {
	const debian = '/usr/lib/rabbitmq/bin/rabbitmq-server';
	return access(debian).then(
		() => debian,
		() => 'rabbitmq-server',
	);
}

async function refusal(url: string): Promise<string | undefined> {
	try {
		const connection = await connect(url, { timeout: 2_000 });
		// Told by the rejected call as well.
		connection.on('error', () => {});
		await connection.close();
		return undefined;
	} catch (error) {
		return String(error);
	}
}
