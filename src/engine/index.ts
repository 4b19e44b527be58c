/** The engine: `step(context, state, input, entry, changes)`, pure and deterministic. */
export { ChangeSet } from './changes.js';
export type { EngineConfig, EngineContext, PartitionIdentity } from './context.js';
export { emptyState, loadState } from './decode.js';
export { toWrites } from './encode.js';
export { nextWake } from './lifecycle.js';
export { stateStats, type EngineState, type StateStats } from './state.js';
export { step, type StepOutcome } from './step.js';
