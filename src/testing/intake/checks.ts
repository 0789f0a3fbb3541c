import type { Settings } from './subject.js';
import { sleep, type Trial } from './trial.js';

/** A case before it knows the intake. */
export interface Check {
	readonly name: string;
	/** Which intakes it concerns. Default: all. */
	readonly when?: (settings: Settings) => boolean;
	readonly run: (trial: Trial) => Promise<void>;
}

const FEW = 20;
const ROUNDS = 3;

export const pausing: readonly Check[] = [
	{
		name: 'says how many messages may still arrive after a pause',
		async run({ place }) {
			const { residual } = place.intake;
			if (residual === undefined || !Number.isInteger(residual) || residual < 0) {
				throw new Error(`intake.residual is ${residual} and must be a whole number of at least 0`);
			}
		},
	},
	{
		name: 'delivers everything when it is never paused',
		async run(trial) {
			await trial.produce();
			await trial.allDelivered();
		},
	},
	{
		name: 'pauses a consumer that is waiting for messages',
		async run(trial) {
			await trial.produce(FEW);
			await trial.allDelivered();
			await trial.pause();
			await trial.holdsBack();
			await trial.resume();
			await trial.allDelivered();
		},
	},
	{
		name: 'pauses a consumer in the middle of its work, again and again, and loses nothing',
		async run(trial) {
			for (let round = 0; round < ROUNDS; round++) {
				await trial.produce();
				await trial.pause();
				await trial.holdsBack();
				await trial.resume();
			}
			await trial.allDelivered();
		},
	},
	{
		name: 'takes a pause and a resume twice for one',
		async run(trial) {
			const { intake } = trial.place;
			await trial.settles('intake.resume', Promise.resolve(intake.resume()));
			await trial.produce(FEW);
			await trial.allDelivered();
			await trial.settles('intake.pause', Promise.resolve(intake.pause()));
			await trial.settles('the second intake.pause', Promise.resolve(intake.pause()));
			await trial.holdsBack();
			await trial.settles('intake.resume', Promise.resolve(intake.resume()));
			await trial.settles('the second intake.resume', Promise.resolve(intake.resume()));
			await trial.allDelivered();
		},
	},
	{
		name: 'stays paused while any reason is left',
		async run(trial) {
			const [one, other] = [{}, {}];
			await trial.pause(one);
			await trial.pause(other);
			await trial.resume(one);
			await trial.holdsBack();
			await trial.resume(other);
			await trial.allDelivered();
		},
	},
];

export const leases: readonly Check[] = [
	{
		name: 'keeps what it holds, or gives it back, for as long as it is paused: nothing is delivered twice',
		when: ({ leaseMs }) => leaseMs > 0,
		async run(trial) {
			const { place, settings } = trial;
			await trial.produce();
			await trial.pause();
			await sleep(3 * settings.leaseMs);
			await trial.holdsBack();
			await trial.resume();
			await trial.allDelivered();
			const twice = place.delivered.filter((id, at) => place.delivered.indexOf(id) !== at);
			if (twice.length > 0) throw new Error(`${twice.length} messages were delivered again, such as ${twice[0]}`);
		},
	},
];

export const users: readonly Check[] = [
	{
		name: "leaves a user's own pause alone that was there before",
		when: ({ user }) => user !== undefined,
		async run(trial) {
			const { place, settings } = trial;
			await trial.settles("the user's pause", Promise.resolve(settings.user?.pause(place)));
			await trial.pause();
			await trial.holdsBack();
			await trial.resume();
			await trial.holdsBack();
			await trial.settles("the user's resume", Promise.resolve(settings.user?.resume(place)));
			await trial.allDelivered();
		},
	},
	{
		name: "leaves a user's own pause alone that came later",
		when: ({ user }) => user !== undefined,
		async run(trial) {
			const { place, settings } = trial;
			await trial.pause();
			await trial.settles("the user's pause", Promise.resolve(settings.user?.pause(place)));
			await trial.resume();
			await trial.holdsBack();
			await trial.settles("the user's resume", Promise.resolve(settings.user?.resume(place)));
			await trial.allDelivered();
		},
	},
];

export const assignments: readonly Check[] = (['rebalance', 'reconnect'] as const).flatMap((what): Check[] => [
	{
		name: `stays paused through a ${what}, and goes on afterwards`,
		when: (settings) => settings[what] !== undefined,
		async run(trial) {
			const { place, settings } = trial;
			await trial.produce(FEW);
			await trial.allDelivered();
			await trial.pause();
			await trial.settles(`the ${what}`, Promise.resolve(settings[what]?.(place)));
			await trial.asserted();
			await trial.holdsBack();
			await trial.resume();
			await trial.allDelivered();
		},
	},
	{
		name: `delivers everything through a ${what}, and can be paused afterwards`,
		when: (settings) => settings[what] !== undefined,
		async run(trial) {
			const { place, settings } = trial;
			await trial.produce();
			await trial.settles(`the ${what}`, Promise.resolve(settings[what]?.(place)));
			await trial.allDelivered();
			await trial.pause();
			await trial.holdsBack();
			await trial.resume();
			await trial.allDelivered();
		},
	},
]);
