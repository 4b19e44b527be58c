/**
 * I4: everybody whom the matrix names for the final severity was told at least once, at the receiver, or the incident
 * says with a reason that still holds why not; and nobody else was told.
 */
import type { Truth } from '../workload/ledger.js';
import { incidentsByScenario } from './incidents.js';
import type { ExpectedMatrix, Observation, Received, SeenIncident } from './observation.js';
import type { Violation } from './violation.js';

function laneOf(incident: string, told: Pick<Received, 'generation' | 'channel' | 'role'>): string {
  return `${incident}/${told.generation}/${told.channel}/${told.role}`;
}

export function checkNotifications(
  truths: readonly Truth[],
  observation: Observation,
  matrix: ExpectedMatrix,
): Violation[] {
  const received = new Map<string, Received[]>();
  for (const each of observation.received) {
    const lane = laneOf(each.incident, each);
    received.set(lane, [...(received.get(lane) ?? []), each]);
  }
  const byScenario = incidentsByScenario(truths, observation.incidents);
  const violations: Violation[] = [];
  for (const truth of truths) {
    const [incident] = byScenario.get(truth.scenario) ?? [];
    if (incident === undefined || !truth.complete) continue;
    violations.push(...checkAsked(truth, incident, received, matrix));
  }
  const effects = new Set(observation.received.map((each) => each.effect));
  for (const incident of observation.incidents) violations.push(...checkMarks(incident, effects));
  violations.push(...checkAllowed(truths, observation, matrix), ...checkOrder(received));
  return violations;
}

/** Each cell of the matrix row of the final severity was sent and arrived, or was skipped because the incident ended. */
function checkAsked(
  truth: Truth,
  incident: SeenIncident,
  received: ReadonlyMap<string, readonly Received[]>,
  matrix: ExpectedMatrix,
): Violation[] {
  const violations: Violation[] = [];
  const lost = (text: string): void =>
    void violations.push({ kind: 'notification-lost', detail: `${truth.scenario} ${incident.number}: ${text}` });
  for (const { role, channel } of matrix[truth.expected.severity] ?? []) {
    const lane = laneOf(incident.id, { generation: incident.generation, channel, role });
    const arrived = received.get(lane) ?? [];
    const triggered = arrived.some((each) => each.action === 'trigger');
    if (!triggered && !endedBeforeDue(incident, role, channel)) lost(`${role} was not told by ${channel}`);
    if (triggered && incident.status === 'resolved' && !arrived.some((each) => each.action === 'resolve')) {
      lost(`${role} was told by ${channel}, but not that it ended`);
    }
  }
  return violations;
}

/** The one good reason: it was skipped because the incident had ended when its time came. */
function endedBeforeDue(incident: SeenIncident, role: string, channel: string): boolean {
  const { resolvedAt } = incident;
  if (incident.status !== 'resolved' || resolvedAt === undefined) return false;
  const planned = incident.notifications.filter(
    (each) => each.action === 'trigger' && each.role === role && each.channel === channel,
  );
  return planned.some(
    (each) => each.severity === incident.severity && each.status === 'skipped' && (each.at ?? 0) >= resolvedAt,
  );
}

/** What the incident says of its notifications agrees with the receivers. */
function checkMarks(incident: SeenIncident, received: ReadonlySet<string>): Violation[] {
  return incident.notifications.flatMap((each): Violation[] => {
    const detail = `${incident.number}: ${each.action} ${each.role} by ${each.channel} is ${each.status}`;
    if (each.status === 'scheduled' || each.status === 'failed') {
      return [{ kind: 'notification-unsettled', detail: `${detail} ${each.reason ?? ''}` }];
    }
    if (each.status === 'skipped') {
      return (each.reason ?? '') === ''
        ? [{ kind: 'notification-unmarked', detail: `${detail} without a reason` }]
        : [];
    }
    if (received.has(each.effect)) return [];
    return [{ kind: 'notification-unmarked', detail: `${detail}, but it never arrived` }];
  });
}

/** Only who is in the row of a severity that the incident may have had is told, and only about known incidents. */
function checkAllowed(truths: readonly Truth[], observation: Observation, matrix: ExpectedMatrix): Violation[] {
  const allowed = new Map<string, Set<string>>();
  const byScenario = incidentsByScenario(truths, observation.incidents);
  for (const truth of truths) {
    const severities = [truth.expected.severity, ...truth.expected.interim];
    const cells = severities.flatMap((severity) => matrix[severity] ?? []);
    for (const incident of byScenario.get(truth.scenario) ?? []) {
      allowed.set(incident.id, new Set(cells.map(({ role, channel }) => `${role}/${channel}`)));
    }
  }
  const known = new Map(observation.incidents.map((incident) => [incident.id, incident]));
  return observation.received.flatMap((each): Violation[] => {
    const incident = known.get(each.incident);
    const cells = allowed.get(incident?.mergedInto ?? each.incident);
    if (cells?.has(`${each.role}/${each.channel}`) === true) return [];
    const about = incident?.number ?? `the unknown incident ${each.incident}`;
    return [{ kind: 'notification-wrong', detail: `${each.role} was told by ${each.channel} about ${about}` }];
  });
}

/** Once a receiver saw the resolve, a trigger of the same lane would page for what is over. */
function checkOrder(received: ReadonlyMap<string, readonly Received[]>): Violation[] {
  return [...received].flatMap(([lane, all]): Violation[] => {
    const resolved = Math.min(...all.filter(({ action }) => action === 'resolve').map(({ order }) => order));
    const late = all.some((each) => each.action === 'trigger' && each.order > resolved);
    return late ? [{ kind: 'page-after-resolve', detail: lane }] : [];
  });
}

export interface Repeats {
  /** Absorbed by the deduplication key. */
  readonly pagerduty: number;
  /** Visible to people, saying so themselves. */
  readonly slackMarked: number;
  /** Visible to people, unmarked. */
  readonly slackUnmarked: number;
}

/** Deliveries of one effect beyond its first: at least once is the promise, and this is its price. */
export function countRepeats(received: readonly Received[]): Repeats {
  const seen = new Set<string>();
  const repeats = { pagerduty: 0, slackMarked: 0, slackUnmarked: 0 };
  for (const { effect, channel, marked } of received) {
    const repeated = seen.has(`${channel}/${effect}`);
    seen.add(`${channel}/${effect}`);
    if (!repeated) continue;
    if (channel === 'pagerduty') repeats.pagerduty += 1;
    else if (marked) repeats.slackMarked += 1;
    else repeats.slackUnmarked += 1;
  }
  return repeats;
}
