export { createController } from './control/controller.js';
export type { Emitter, Failure } from './control/emitter.js';
export type { Override } from './control/override.js';
export type { Controller, ControllerEvents, ControllerOptions, ControllerSnapshot } from './control/types.js';
export { classifyByVolume, type TierReport } from './core/classify.js';
export { type ClockDifference, learnDifference, noDifference } from './core/clock-difference.js';
export { type Decision, decide, decideGradually } from './core/decide.js';
export { ConfigError, type Problem } from './core/errors.js';
export {
	followLoad,
	type LoadEstimate,
	learn,
	noEstimate,
	type PerTreatment,
	predictUtilisation,
	type Treatment,
	treatmentOf,
	type Window,
	workOf,
} from './core/estimate.js';
export { demandOf, isCalm, type Readings, releaseAt } from './core/hysteresis.js';
export { defineLadder, type Ladder } from './core/ladder.js';
export { nextPace, noPace, type Pace, type PaceInput } from './core/pace.js';
export { positionOf } from './core/position.js';
export { lookAtQueues, noQueues, type Queues } from './core/queues.js';
export { mayReplay, type ReplayGate } from './core/replay-gate.js';
export { settle } from './core/settle.js';
export { maySkip } from './core/skip.js';
export type { Action, LadderSpec, LevelSpec, SignalPolicy } from './core/spec.js';
export {
	type Cause,
	type Effect,
	type Hold,
	initialState,
	type LadderState,
	type Sample,
	type Step,
	type Transition,
} from './core/state.js';
export { step } from './core/step.js';
export { createTierRegistry, type TierRegistry, type TierReloads } from './core/tier-registry.js';
export { defineTiers, type TierSpec, type Tiers, type TiersSpec } from './core/tiers.js';
export type { DroppedEpisode } from './handling/episodes.js';
export type { HandlerContext } from './handling/router.js';
export { createLoadShedder } from './handling/shedder.js';
export type { Codec, SpillOptions } from './handling/spiller.js';
export type { LoadShedder, ReplayOptions, ShedderEvents, ShedderOptions } from './handling/types.js';
export type { Clock } from './ports/clock.js';
export type { Intake } from './ports/intake.js';
export type { Ledger, Observable, Stats } from './ports/observable.js';
export type { BatchOptions, Outcome } from './ports/outcome.js';
export type { Admission, MessageShedder, RequestShedder } from './ports/shedder.js';
export type { SignalSource } from './ports/signal.js';
export {
	type Cursor,
	type Damage,
	SpillError,
	type Spilled,
	SpillFullError,
	type SpillRecord,
	type SpillStats,
	type SpillStore,
} from './ports/spill.js';
export { TimeoutError } from './ports/time.js';
export { marketDataLadder, marketDataTiers } from './presets/market-data.js';
export { type RecommendedLadder, recommendedLadder } from './presets/recommended.js';
export { lagMs, lagSeconds } from './signals/lag-seconds.js';
export { messageAge } from './signals/message-age.js';
export { type Poll, type PollOptions, pollSignal } from './signals/poll.js';
export { type PushOptions, type PushSignal, pushSignal } from './signals/push.js';
export { appendDelay, spillFullness } from './signals/spill.js';
export { memorySpill } from './spill/memory.js';
