/** Follows a page many times over and reads all that is told: `dashboard-viewers.ts <url> <how many>`. */
import { get } from 'node:http';

const [url = '', many = '0'] = process.argv.slice(2);
let following = 0;
for (let n = 0; n < Number(many); n++) {
	get(`${url}events`, { agent: false }, (response) => {
		let text = '';
		response.setEncoding('utf8').on('data', (chunk: string) => {
			text += chunk;
			const events = text.split('\n\n');
			text = events.pop() ?? '';
			for (const event of events) JSON.parse(event.slice(event.indexOf('data: ') + 6));
		});
		if (++following === Number(many)) process.send?.('all follow');
	});
}
