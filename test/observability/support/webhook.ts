import { json } from 'node:stream/consumers';
import { listen } from './course.js';

/** An alert as Alertmanager posts it. */
export interface Posted {
	readonly status: 'firing' | 'resolved';
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
}

/** Receives what an Alertmanager posts. */
export async function startWebhook() {
	const posted: Posted[] = [];
	const server = await listen(async (request, response) => {
		const { alerts } = (await json(request)) as { readonly alerts: readonly Posted[] };
		posted.push(...alerts);
		response.end();
	});
	return { url: server.url, posted, stop: server.close };
}
