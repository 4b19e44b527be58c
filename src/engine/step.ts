/**
 * The heart: one input in, changed state out. Its only clock is the time of the log entry.
 *
 * Stages, in order: time (timers that are due) -> fold (facts to episodes) -> correlate (rules) -> group (incidents) ->
 * classify and tell (settle). The same log gives the same state, ids and effects, however it is cut into batches.
 */
import type { AlertUpdate } from '../domain/alert.js';
import type { Input } from '../domain/input.js';
import type { ChangeSet } from './changes.js';
import type { EngineContext } from './context.js';
import { correlate } from './correlate.js';
import { applyFallback, applyMatch } from './group.js';
import { ingestEvent } from './ingest-event.js';
import { ingestUpdate } from './ingest.js';
import { nextWake, runTimers } from './lifecycle.js';
import { applyResult } from './results.js';
import { poisonAlert, recoveredAlert, SELF, seriesLimitAlert } from './self-alerts.js';
import { settle } from './settle.js';
import { type EngineState, prepare } from './state.js';
import { startTurn, type Turn } from './turn.js';

export interface StepOutcome {
  /** Use only this one from now on; the one given in may have been changed. */
  readonly state: EngineState;
  /** When something will happen without input, ms; null: nothing will. */
  readonly wakeAt: number | null;
}

/**
 * Applies one entry of the log. `entry.at` is the time in its stream id, ms; a time before an earlier entry's counts as
 * that one's. Never throws for anything an input of the right type can hold.
 */
export function step(
  context: EngineContext,
  state: EngineState,
  input: Input,
  entry: { readonly id: string; readonly at: number },
  changes: ChangeSet,
): StepOutcome {
  prepare(state, context);
  runTimers(context, state, Math.max(state.now, entry.at), changes);
  if (input.kind !== 'tick') {
    const turn = startTurn(context, state, changes, state.now);
    applyInput(turn, input);
    settle(turn);
    // what this input made due at once must not wait for the next: a reload in between would not find it
    runTimers(context, state, state.now, changes);
  }
  return { state, wakeAt: nextWake(state) };
}

function applyInput(turn: Turn, input: Exclude<Input, { kind: 'tick' }>): void {
  switch (input.kind) {
    case 'alerts':
      takeAlerts(turn, input.alerts, input.source);
      break;
    case 'event':
      ingestEvent(turn, input.event);
      break;
    case 'result':
      applyResult(turn, input);
      break;
    case 'poison':
      takeAlerts(turn, [poisonAlert(input.entry, input.error)], SELF);
      break;
  }
  if ((input.kind === 'alerts' || input.kind === 'event') && input.redriveOf !== undefined) {
    const recovered = recoveredAlert(turn.state, input.redriveOf);
    if (recovered !== null) ingestUpdate(turn, recovered, SELF);
  }
  for (const occurrence of turn.pending) {
    for (const match of correlate(turn, occurrence)) applyMatch(turn, match);
  }
  for (const episode of turn.homeless) applyFallback(turn, episode);
}

/** First all facts of the delivery, then what they mean: a storm in one webhook is one incident from the start. */
function takeAlerts(turn: Turn, alerts: readonly AlertUpdate[], source: string): void {
  const refused = turn.state.refused;
  for (const update of alerts) ingestUpdate(turn, update, source);
  if (turn.state.refused > refused) ingestUpdate(turn, seriesLimitAlert(turn.context.config.maxSeries), SELF);
}
