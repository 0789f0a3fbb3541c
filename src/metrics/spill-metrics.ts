import { counter, gauge, timestamp } from './metric.js';

/** What is kept for later, and how it comes back. */
export const spillMetrics = [
	gauge('spill_messages', {
		unit: 'messages',
		help: 'Messages in the spill store, not yet replayed and acknowledged; 0 without a store',
		cluster: 'sum',
		from: ({ waiting }) => waiting,
	}),
	gauge('spill_bytes', {
		unit: 'bytes',
		help: 'What the spill store holds',
		cluster: 'sum',
		absent: 'without a store, or while it cannot tell',
		from: ({ spill }) => spill?.bytes ?? null,
	}),
	gauge('spill_capacity_bytes', {
		unit: 'bytes',
		help: 'How much the spill store may hold',
		cluster: 'sum',
		absent: 'without a store, or while it cannot tell',
		from: ({ spill }) => spill?.capacityBytes ?? null,
	}),
	gauge('spill_oldest_timestamp_seconds', {
		unit: 'timestamp',
		help: 'When the oldest message that waits was spilled',
		cluster: 'min',
		absent: 'while none waits, or the store cannot tell',
		from: ({ spill, waiting }) => (waiting > 0 ? timestamp(spill?.oldestEnqueuedAtMs) : null),
	}),
	gauge('spill_quarantined', {
		unit: 'count',
		help: 'Damaged files or streams that the spill store has set aside for a person to look at',
		cluster: 'sum',
		absent: 'without a store',
		from: ({ spill }) => spill?.damage.quarantined.length ?? null,
	}),
	counter('spilled_total', {
		unit: 'messages',
		help: 'Messages that the spill store has kept',
		from: ({ spilled }) => spilled,
	}),
	counter('spill_recovered_total', {
		unit: 'messages',
		help: 'Messages that were found in the spill store: from an earlier run, or from an append that was given up',
		from: ({ recovered }) => recovered,
	}),
	counter('skipped_total', {
		unit: 'messages',
		help: 'Protected messages that were spilled because they were too old already (skip to live)',
		from: ({ skipped }) => skipped,
	}),
	counter('fenced_total', {
		unit: 'messages',
		help: 'Messages that were spilled only because older ones of their key are waiting (key fence)',
		from: ({ fenced }) => fenced,
	}),
	counter('spill_lost_total', {
		unit: 'messages',
		help: 'Messages that the spill store had kept and does not have any more: must be 0',
		from: ({ lost }) => lost,
	}),
	counter('spill_damaged_records_total', {
		unit: 'messages',
		help: 'Records that the spill store found damaged or missing, those of earlier runs included: must be 0',
		labels: ['kind'],
		absent: 'without a store',
		from: ({ spill }) =>
			spill && [
				{ kind: 'corrupt', value: spill.damage.corruptRecords },
				{ kind: 'missing', value: spill.damage.missingRecords },
			],
	}),
	counter('replayed_total', {
		unit: 'messages',
		help: 'Spilled messages that came to their end: handled, not worth it any more, or given up',
		labels: ['outcome'],
		from: ({ replayed, expired, superseded, duplicates, deadLettered }) => [
			{ outcome: 'replayed', value: replayed },
			{ outcome: 'expired', value: expired - superseded - duplicates },
			{ outcome: 'superseded', value: superseded },
			{ outcome: 'duplicate', value: duplicates },
			{ outcome: 'dead_lettered', value: deadLettered },
		],
	}),
	gauge('replay_delay_seconds', {
		unit: 'seconds',
		help: 'How long the message that was replayed last had waited',
		absent: 'while nothing is replayed',
		from: ({ replayDelayMs }) => replayDelayMs && replayDelayMs / 1000,
	}),
	gauge('replay_pace_per_second', {
		unit: 'rate',
		help: 'How many messages a second replay may feed at present',
		cluster: 'sum',
		from: ({ replayPerS }) => replayPerS,
	}),
	gauge('replay_eta_seconds', {
		unit: 'seconds',
		help: 'How long the rest of the spill takes at the present pace',
		absent: 'while nothing is replayed',
		from: ({ replayEtaMs }) => replayEtaMs && replayEtaMs / 1000,
	}),
];
