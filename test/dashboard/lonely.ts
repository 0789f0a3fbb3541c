import { get } from 'node:http';
import { serveDashboard } from '../../src/dashboard/index.js';
import { subject } from './subject.js';

// Ends by itself: neither the page nor the one that follows it keeps it alive.
const { url } = await serveDashboard(subject().shedder);
get(`${url}events`, (response) => {
	response.once('data', () => console.log('followed'));
}).on('socket', (socket) => {
	// Long enough to hear the first event, which the client waits for without keeping the process alive.
	const wait = setTimeout(() => {}, 2_000);
	socket.once('close', () => clearTimeout(wait)).unref();
});
