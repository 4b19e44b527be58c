/**
 * The second look: when the delay of a notification is over, is it still right to send it? Pure; the worker asks with
 * the incident as it is at the moment of its claim, and writes the reason of a skip on the timeline.
 *
 * No answer here may lose a message: a trigger is skipped because of a change of severity only when planTriggers has
 * planned the lane again or the new row of the matrix does not ask for it.
 */
import { formatDuration } from '../domain/duration.js';
import type { Effect } from '../domain/effect.js';
import type { Incident, NotificationState } from '../domain/incident.js';
import { compareSeverity } from '../domain/severity.js';

export type Verdict = { readonly act: true } | { readonly act: false; readonly reason: string };

/** What the outbox knows of the effect's lane, see Claim in ports/store.ts. */
export interface LaneState {
  readonly triggered: boolean;
  readonly resolved: boolean;
}

export function recheck(effect: Effect, incident: Incident, lane: LaneState): Verdict {
  const reason = effect.action === 'resolve' ? whyNotResolve(lane) : whyNotTrigger(effect, incident, lane);
  return reason === undefined ? { act: true } : { act: false, reason };
}

/** A resolve closes what its own generation opened, whatever became of the incident since. */
function whyNotResolve(lane: LaneState): string | undefined {
  return lane.triggered ? undefined : 'nothing was sent to resolve';
}

function whyNotTrigger(effect: Effect, incident: Incident, lane: LaneState): string | undefined {
  if (incident.status === 'merged') return `merged into ${incident.mergedInto ?? 'another incident'}`;
  if (incident.generation !== effect.generation) {
    return `re-opened since (generation ${effect.generation} -> ${incident.generation}); that planned its own notifications`;
  }
  if (incident.status === 'resolved') return whyResolved(effect, incident);
  if (lane.resolved) return 'its resolve was attempted already; a trigger after it would open a new alert';
  if (incident.severity !== effect.severity) {
    return `severity changed ${effect.severity} -> ${incident.severity}; that change planned its own notifications`;
  }
  return whySuperseded(effect, incident);
}

function whyResolved(effect: Effect, incident: Incident): string {
  const at = incident.resolvedAt === undefined ? '' : ` ${clockTime(incident.resolvedAt)}`;
  const delay = effect.dueAt - effect.plannedAt;
  const early = incident.resolvedAt !== undefined && incident.resolvedAt < effect.dueAt;
  return early && delay > 0
    ? `resolved${at}, before the delay of ${formatDuration(delay)} was over`
    : `resolved${at}, before it was sent`;
}

function whySuperseded(effect: Effect, incident: Incident): string | undefined {
  const lane = incident.notifications.filter(
    (state) =>
      state.action === 'trigger' &&
      state.generation === effect.generation &&
      state.role === effect.role &&
      state.channel === effect.channel,
  );
  const own = lane.findIndex((state) => state.effect === effect.id);
  if (own !== -1 && own < lane.length - 1) return 'planned again since, when the severity changed';
  const told = lane.find((state) => toldWorseMeanwhile(state, effect));
  return told && `sent as ${told.severity} while the severity fell to ${effect.severity}`;
}

/** The message of the worse severity was on its way when this one was planned, and arrived. */
function toldWorseMeanwhile(state: NotificationState, effect: Effect): boolean {
  return (
    state.status === 'sent' &&
    compareSeverity(state.severity, effect.severity) < 0 &&
    state.at !== undefined &&
    state.at >= effect.plannedAt
  );
}

/** `14:03:12Z` */
function clockTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)}Z`;
}
