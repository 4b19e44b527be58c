/** Incidents begin, and begin again. */
import { hashId, incidentNumber, utcDay } from '../domain/ids.js';
import { FALLBACK_RULE, type Incident, INCIDENT_VERSION } from '../domain/incident.js';
import { canonicalLabels, formatLabels, type Labels } from '../domain/labels.js';
import { IncidentRecord, OPEN } from './model.js';
import { record, touch, type Turn } from './turn.js';

export interface Opening {
  readonly rule: string;
  readonly key: Labels;
  /** Fingerprint (or event id) and onset of the first evidence: with rule and key, the identity. */
  readonly first: string;
  readonly onset: number;
}

/** A new incident without members yet: the caller adds them before the turn ends. */
export function openIncident(turn: Turn, opening: Opening): IncidentRecord {
  const { state, context, changes, now } = turn;
  const { index, count } = context.partition;
  const day = utcDay(now);
  if (state.day !== day) {
    state.day = day;
    state.sequence = 0;
  }
  // Partitions share the numbers of a day: each takes every count-th. Always above the last one, whatever count was then.
  const sequence = state.sequence + 1 + ((((index - state.sequence) % count) + count) % count);
  state.sequence = sequence;
  const { rule, key, first, onset } = opening;
  // The number is part of it: an alert can begin an incident again with the very same onset long after we forgot the first.
  const number = incidentNumber(day, sequence);
  const id = hashId(index, rule, canonicalLabels(key), first, onset, number);
  const head: Incident = {
    v: INCIDENT_VERSION,
    id,
    number,
    partition: index,
    status: 'open',
    rule: FALLBACK_RULE,
    key,
    title: '',
    severity: 'P4',
    severityReason: '',
    startedAt: onset,
    openedAt: now,
    lastActivityAt: now,
    generation: 0,
    reopened: 0,
    merged: [],
    hypotheses: [],
    memberCount: 0,
    firingCount: 0,
    alertNames: {},
    events: [],
    attachKeys: [],
    notifications: [],
  };
  const incident = new IncidentRecord(head);
  state.incidents.set(id, incident);
  touch(turn, incident).opened = true;
  changes.opened.push(incident);
  changes.live.set(id, true);
  return incident;
}

/** A resolved incident goes on: a new generation, so that its notifications are told apart. */
export function reopenIncident(turn: Turn, incident: IncidentRecord, cause: string): void {
  touch(turn, incident).reopened = true;
  const { head } = incident;
  head.status = 'open';
  delete head.resolvedAt;
  head.generation += 1;
  head.reopened += 1;
  head.lastActivityAt = turn.now;
  // members that went on firing while it was resolved count from now on, all of them, whoever opens it again
  head.firingCount = 0;
  for (const episode of incident.members()) {
    if (episode.end !== OPEN) continue;
    head.firingCount += 1;
    turn.changes.members.add(episode);
  }
  // a key that another open incident took meanwhile stays there
  head.attachKeys = head.attachKeys.filter((key) => !turn.state.keyOwners.has(key));
  for (const key of head.attachKeys) turn.state.keyOwners.set(key, incident);
  turn.changes.live.set(head.id, true);
  record(turn, incident, 'reopened', `re-opened (${head.reopened}): ${cause}, ${formatLabels(head.key)}`);
}

/** Whether a resolved incident can still be opened again. */
export function isReopenable(turn: Turn, { head }: IncidentRecord): boolean {
  if (head.status !== 'resolved' || head.resolvedAt === undefined) return false;
  return turn.now - head.resolvedAt <= turn.context.config.reopenWithinMs;
}
