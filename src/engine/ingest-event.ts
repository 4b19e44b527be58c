/** Stage 1 for change events: points in time that rules can look at. They open nothing by themselves. */
import type { ChangeEvent } from '../domain/alert.js';
import { EARLIEST } from './ingest.js';
import { EventRecord } from './model.js';
import { ensureSweep, indexOccurrence, unindexOccurrence } from './state.js';
import type { Turn } from './turn.js';

/** Takes in one event. The same event again changes nothing, unless it knows of an earlier beginning. */
export function ingestEvent(turn: Turn, event: ChangeEvent): void {
  const { state, context, changes, now } = turn;
  const at = believableTime(turn, event.at) ?? now;
  const oldest = at - context.config.maxAgeMs;
  const began = Math.max(oldest, Math.min(at, believableTime(turn, event.startedAt) ?? at));
  const record = new EventRecord(event.id, event.type, event.labels, at, began, state.scopes.acquire(event.labels));
  const known = state.events.get(record.key);
  if (known === undefined) {
    state.events.set(record.key, record);
    ensureSweep(state, context);
    indexOccurrence(state, record);
    changes.events.add(record);
    turn.pending.add(record);
    return;
  }
  state.scopes.release(record.scope);
  if (at >= known.at && began >= known.began) return;
  unindexOccurrence(state, known);
  known.at = Math.min(known.at, at);
  known.began = Math.min(known.began, began, known.at);
  indexOccurrence(state, known);
  changes.events.add(known);
  turn.pending.add(known);
}

function believableTime(turn: Turn, time: number | undefined): number | undefined {
  if (time === undefined || !(time >= EARLIEST)) return undefined;
  if (time <= turn.now + turn.context.config.skewMs) return time;
  turn.state.clamped += 1;
  return undefined;
}
