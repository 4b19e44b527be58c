/** What became of a notification: noted on the incident, for people. The outbox row is the record of the work. */
import type { NotificationState, TimelineEntry } from '../domain/incident.js';
import type { ResultInput } from '../domain/input.js';
import { tellEnd } from './settle.js';
import { record, touch, type Turn } from './turn.js';

const ROWS: Readonly<Record<ResultInput['outcome'], TimelineEntry['type']>> = {
  sent: 'notified',
  skipped: 'skipped',
  failed: 'failed',
};

export function applyResult(turn: Turn, result: ResultInput): void {
  const type = ROWS[result.outcome];
  const data = { effect: result.effect, attempts: result.attempts };
  const incident = turn.state.incidents.get(result.incident);
  if (incident === undefined) {
    // no longer in memory: the head stays as it is, the timeline still says what happened
    const text = `${result.outcome}: ${result.reason}`;
    turn.changes.record(result.incident, { at: turn.now, knownAt: turn.now, type, text, data });
    return;
  }
  const { head } = incident;
  const planned = head.notifications.find((state) => state.effect === result.effect);
  const what = planned === undefined ? result.effect : `${planned.action} to ${planned.role} by ${planned.channel}`;
  if (planned !== undefined) {
    touch(turn, incident);
    const next: NotificationState = {
      ...planned,
      status: result.outcome,
      at: turn.now,
      reason: result.reason,
      ...(result.ref === undefined ? {} : { ref: result.ref }),
    };
    head.notifications = head.notifications.map((state) => (state === planned ? next : state));
  }
  record(turn, incident, type, `${what}: ${result.reason}`, { data });
  // Told after the end, because the entry that ended it was applied late: that somebody must hear of the end, too.
  if (head.status !== 'open' && planned?.action === 'trigger' && result.outcome !== 'skipped')
    tellEnd(turn, incident, planned);
}
