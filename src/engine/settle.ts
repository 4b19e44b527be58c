/**
 * Stage 5: at the end of a turn every incident that was touched gets its title and severity, its timeline rows, the
 * notifications that follow from the difference, and its timer. Several changes in one turn are told once.
 */
import { formatDuration } from '../domain/duration.js';
import type { Effect } from '../domain/effect.js';
import type { NotificationState } from '../domain/incident.js';
import { planResolves, planTriggers } from '../notify/plan.js';
import { classify } from './classify.js';
import { describeOpening } from './group.js';
import { followLeader } from './hypotheses.js';
import { schedule } from './lifecycle-timers.js';
import { compareIncidents } from './merge.js';
import type { IncidentRecord } from './model.js';
import { record, type Touch, type Turn } from './turn.js';

/** Of the generation in hand all notifications are kept; beyond this many, those of earlier generations go. */
const MAX_NOTIFICATIONS = 200;

export function settle(turn: Turn): void {
  const touched = [...turn.touched].sort(([left], [right]) => compareIncidents(left, right));
  for (const [incident, before] of touched) {
    if (incident.head.status === 'open') settleOpen(turn, incident, before);
    else if (incident.head.status === 'merged' && !before.opened) tellEnd(turn, incident);
    schedule(turn.state, turn.context, incident);
  }
}

function settleOpen(turn: Turn, incident: IncidentRecord, before: Touch): void {
  const { head } = incident;
  followLeader(incident);
  const { severity, reason } = classify(incident);
  head.severity = severity;
  head.severityReason = reason;
  if (before.opened) {
    record(turn, incident, 'opened', describeOpening(incident), { data: { rule: head.rule, severity } });
    record(turn, incident, 'severity', `${severity}: ${reason}`, { data: { to: severity } });
  } else if (severity !== before.severity) {
    const data = { from: before.severity, to: severity };
    record(turn, incident, 'severity', `${before.severity} -> ${severity}: ${reason}`, { data });
  }
  const fresh = before.opened || before.reopened;
  if (fresh || severity !== before.severity) {
    const { notify } = turn.context.config;
    plan(turn, incident, planTriggers(head, fresh ? null : before.severity, turn.now, notify));
  }
}

/** Tells those who were told that it opened; with `only`, those of that role and channel. */
export function tellEnd(turn: Turn, incident: IncidentRecord, only?: NotificationState): void {
  const { head } = incident;
  const notifications = head.notifications.filter(
    ({ role, channel }) => only === undefined || (role === only.role && channel === only.channel),
  );
  plan(turn, incident, planResolves({ ...head, notifications }, turn.now, turn.context.config.notify));
}

function plan(turn: Turn, incident: IncidentRecord, effects: readonly Effect[]): void {
  if (effects.length === 0) return;
  const { head } = incident;
  turn.changes.effects.push(...effects);
  const states = effects.map((effect): NotificationState => {
    const { id, generation, action, role, channel, sink, severity, dueAt } = effect;
    return { effect: id, generation, action, role, channel, sink, severity, dueAt, status: 'scheduled' };
  });
  head.notifications = [...head.notifications, ...states];
  if (head.notifications.length > MAX_NOTIFICATIONS) {
    head.notifications = head.notifications.filter((state) => state.generation === head.generation);
  }
  const lines = effects.map(({ role, channel, dueAt }) => {
    const when = dueAt > turn.now ? `in ${formatDuration(dueAt - turn.now)}` : 'now';
    return `${role} by ${channel} ${when}`;
  });
  const action = effects[0]?.action === 'resolve' ? 'resolve' : head.severity;
  record(turn, incident, 'planned', `${action}: ${lines.join(', ')}`, {
    data: { effects: effects.map(({ id }) => id) },
  });
}
