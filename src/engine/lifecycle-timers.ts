/** When the next thing happens to an incident by itself. One timer each; it follows from what is stored. */
import { type EngineContext } from './context.js';
import { type IncidentRecord, OPEN } from './model.js';
import type { EngineState } from './state.js';

/** Puts the incident's timer in line with its state. */
export function schedule(state: EngineState, context: EngineContext, incident: IncidentRecord): void {
  const due = dueOf(state, context, incident);
  if (due === incident.due) return;
  incident.due = due;
  if (due === OPEN) return;
  const kind = incident.head.status === 'open' ? 'resolve' : 'forget';
  state.timers.push({ due, kind, id: incident.head.id });
}

function dueOf(state: EngineState, { config }: EngineContext, { head, lastEnd }: IncidentRecord): number {
  if (head.status === 'open') return head.firingCount > 0 ? OPEN : lastEnd + config.resolveAfterMs;
  // kept as long as it may be opened again, and looked at again then while notifications are on their way
  const since = head.status === 'resolved' ? (head.resolvedAt ?? head.lastActivityAt) : head.lastActivityAt;
  const period = Math.max(config.reopenWithinMs, 60_000) + 1;
  return since + period * (Math.floor(Math.max(0, state.now - since) / period) + 1);
}

/** Whether all that was planned has an outcome, or will not have one any more. */
export function isSettled({ head }: IncidentRecord, { config }: EngineContext, now: number): boolean {
  const grace = config.notify.expireAfterMs + 3_600_000;
  return head.notifications.every((each) => each.status !== 'scheduled' || now > each.dueAt + grace);
}
