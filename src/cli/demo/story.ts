import type { Stats } from '../../index.js';
import { chapters, type Director } from './chapters.js';
import { compact, percent } from './format.js';
import { PACKET_SIZE } from './market.js';
import { createMonitor } from './monitor.js';
import { narrate } from './narrator.js';
import { createPacer } from './pacer.js';
import type { Stage } from './stage.js';
import { createWorld } from './world.js';

/** Simulated time moves on by this much at once, ms: the tick of the controller. */
const STEP_MS = 50;
/** Simulated ms per ms at speed 1. */
const TIME_LAPSE = 1.8;
/** Characters that a person reads in a second at speed 1, while the story stands still. */
const READ_PER_S = 30;
/** Real ms between two pictures; simulated ms between two plain lines, and between two columns of the history. */
const FRAME_MS = 80;
const LINE_MS = 20_000;
const TRACE_MS = 2_000;

const GAUGES = {
	lag: { label: 'lag', format: compact },
	heap: { label: 'heap', format: percent },
};

/**
 * The story of an overload on simulated time. Only arrivals, heap and what people do is scripted; lag, levels and
 * decisions follow from them.
 *
 * @param speed  1: five minutes; `Infinity`: as fast as possible, and still every step of it.
 * @returns the figures at the end, in packets of {@link PACKET_SIZE} messages.
 * @throws Error when the story takes another turn than the one that is told.
 */
export async function playStory(stage: Stage, speed: number): Promise<Stats> {
	const world = createWorld();
	const { clock, market, shedder, handle } = world;
	const pacer = createPacer(speed * TIME_LAPSE);
	const { nowMs } = clock;
	const monitor = createMonitor(shedder, {
		gauges: GAUGES,
		nowMs,
		counts: market.counts,
		weight: PACKET_SIZE,
		traceMs: TRACE_MS,
	});
	let title = '';
	let shownAtMs = 0;

	const show = () => {
		const atMs = stage.live ? performance.now() : nowMs();
		if (atMs - shownAtMs < (stage.live ? FRAME_MS : LINE_MS)) return;
		shownAtMs = atMs;
		stage.show(monitor.moment(title));
	};
	const step = async () => {
		await market.step(STEP_MS, handle);
		await clock.advance(STEP_MS);
		await pacer.passed(STEP_MS);
		monitor.look();
		show();
	};
	const director: Director = {
		...world,
		async tell(text) {
			stage.tell(text);
			await pacer.pause(((text.length / READ_PER_S) * 1000) / speed);
		},
		explain: (message) => stage.tell(`explain(${message.symbol} ${message.kind}): ${shedder.explain(message).text}`, 4),
		look: () => stage.look(monitor.moment(title)),
		async forS(length) {
			const endMs = nowMs() + length * 1000;
			while (nowMs() < endMs) await step();
		},
		async until(what, fact, limitS = 60) {
			const endMs = nowMs() + limitS * 1000;
			while (!fact()) {
				if (nowMs() >= endMs) throw new Error(`the story is stuck: it waited ${limitS} s until ${what}`);
				await step();
			}
		},
	};

	narrate(shedder, { stage, gauges: GAUGES, time: monitor.time });
	for (const [index, chapter] of chapters.entries()) {
		title = `${index + 1} of ${chapters.length}: ${chapter.title}`;
		stage.heading(title);
		if (stage.live) stage.show(monitor.moment(title));
		await chapter.play(director);
	}
	stage.show(monitor.moment('The end'));
	stage.end();
	const stats = shedder.stats();
	await shedder.stop();
	return stats;
}
