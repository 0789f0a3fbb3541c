export type {
	NatsClientMessage,
	NatsConnection,
	NatsManager,
	NatsStoredMessage,
	NatsStreamConfig,
	NatsStreamInfo,
} from './client.js';
export type { NatsDurability, NatsSpillOptions } from './options.js';
export { natsSpill } from './spill.js';
