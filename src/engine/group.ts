/**
 * Stage 3: matches and alerts become incidents. A match upgrades or joins the incident that its evidence is in, merges
 * several, re-opens a resolved one, or opens one. An alert that no rule explains joins the open incident of its key,
 * re-opens its own resolved one, or opens one: at once, nothing is held back.
 */
import type { Evidence } from '../domain/incident.js';
import { FALLBACK_RULE } from '../domain/incident.js';
import { formatLabels } from '../domain/labels.js';
import { formatDuration } from '../domain/duration.js';
import type { Match } from './correlate.js';
import { noteHypothesis, ruleKey } from './hypotheses.js';
import { joinIncident, noteAutoLevel, ruleSet } from './membership.js';
import { compareIncidents, mergeIncidents } from './merge.js';
import type { EventRecord } from './model.js';
import { Episode, type IncidentRecord, type Occurrence, OPEN } from './model.js';
import { isReopenable, openIncident, reopenIncident } from './open-incident.js';
import { openIncidentOf } from './state.js';
import { record, touch, type Turn } from './turn.js';

const MAX_EVENTS = 50;

/** Firing, or ended so lately that the end says nothing: what is not is history and opens nothing. */
function isLive(turn: Turn, occurrence: Occurrence): boolean {
  return (
    occurrence instanceof Episode &&
    (occurrence.end === OPEN || occurrence.end >= turn.now - turn.context.config.latenessMs)
  );
}

export function applyMatch(turn: Turn, match: Match): void {
  const { rule, anchor, evidence } = match;
  if (!evidence.some(({ occurrence }) => isLive(turn, occurrence))) return;
  const found = incidentsOf(turn, match);
  let incident: IncidentRecord;
  let existed = true;
  if (found.open.length > 0) {
    incident = mergeIncidents(turn, found.open, `evidence of ${rule.name}`);
    existed = turn.touched.get(incident)?.opened !== true;
  } else if (found.resolved !== null) {
    incident = found.resolved;
    reopenIncident(turn, incident, `${rule.name} matched again`);
  } else {
    incident = openIncident(turn, { rule: rule.name, key: anchor.scope.labels, first: anchor.key, onset: anchor.at });
    existed = false;
  }
  const fresh = addEvidence(turn, incident, match);
  noteMatched(turn, match);
  if (fresh.length === 0) return;
  touch(turn, incident);
  const wasFallback = incident.head.hypotheses.length === 0;
  const isNew = noteHypothesis(turn.state, incident, match, fresh, turn.now);
  for (const { occurrence } of evidence) {
    if (occurrence instanceof Episode) noteAutoLevel(incident, [rule.name], occurrence.level);
  }
  if (!isNew || !existed) return;
  const distances = fresh.map(({ name, offset }) => `${name} ${offset < 0 ? '' : '+'}${formatDuration(offset)}`);
  record(turn, incident, wasFallback ? 'upgraded' : 'hypothesis', `${rule.name} matched: ${distances.join(', ')}`, {
    data: { rule: rule.name, key: anchor.scope.labels, evidence: fresh.slice(0, 10) },
  });
}

interface Found {
  readonly open: readonly IncidentRecord[];
  readonly resolved: IncidentRecord | null;
}

/** The incidents that the match is about. */
function incidentsOf(turn: Turn, { rule, anchor, evidence }: Match): Found {
  const open = new Set<IncidentRecord>();
  for (const { occurrence } of evidence) {
    if (!(occurrence instanceof Episode)) continue;
    const incident = openIncidentOf(occurrence) ?? (isLive(turn, occurrence) ? keyOwner(turn, occurrence) : null);
    if (incident !== null) open.add(incident);
  }
  const resolved: IncidentRecord[] = [];
  for (const incident of turn.state.ruleKeys.get(ruleKey(rule.name, anchor.scope.key)) ?? []) {
    if (incident.head.status === 'open') open.add(incident);
    else if (isReopenable(turn, incident)) resolved.push(incident);
  }
  resolved.sort(
    (left, right) => (right.head.resolvedAt ?? 0) - (left.head.resolvedAt ?? 0) || compareIncidents(left, right),
  );
  return { open: [...open], resolved: resolved[0] ?? null };
}

/** The open incident that takes alerts of this episode's key, unless it has been quiet for too long. */
function keyOwner(turn: Turn, episode: Episode): IncidentRecord | null {
  const owner = turn.state.keyOwners.get(episode.scope.fallbackKey);
  if (owner === undefined) return null;
  return turn.now - owner.head.lastActivityAt <= turn.context.config.attachWindowMs ? owner : null;
}

/** Joins the evidence and returns what was not evidence of this rule before. */
function addEvidence(turn: Turn, incident: IncidentRecord, { rule, anchor, evidence }: Match): Evidence[] {
  const fresh: Evidence[] = [];
  const known = incident.head.hypotheses.find((each) => each.rule === rule.name);
  for (const { step, occurrence } of evidence) {
    let ref: string;
    if (occurrence instanceof Episode) {
      ref = occurrence.id;
      const before = occurrence.incident === incident && occurrence.evidenceOf?.includes(rule.name) === true;
      if (before) continue;
      joinIncident(turn, incident, occurrence, rule.name);
    } else {
      ref = occurrence.key;
      if (known?.evidence.some((each) => each.ref === ref) === true) continue;
      addEvent(turn, incident, occurrence as EventRecord);
    }
    fresh.push({ step: step.id, ref, name: occurrence.name, offset: occurrence.at - anchor.at });
  }
  return fresh;
}

function addEvent(turn: Turn, incident: IncidentRecord, event: EventRecord): void {
  touch(turn, incident);
  const { head } = incident;
  head.startedAt = Math.min(head.startedAt, event.began);
  const known = head.events.some((each) => each.id === event.id && each.type === event.type);
  if (!known && head.events.length < MAX_EVENTS) {
    head.events = [...head.events, { id: event.id, type: event.type, at: event.at }];
  }
}

function noteMatched(turn: Turn, { rule, anchor }: Match): void {
  if (anchor.matched?.includes(rule.name) === true) return;
  anchor.matched = ruleSet(anchor.matched, rule.name);
  if (anchor instanceof Episode) turn.changes.series.add(anchor.series);
  else turn.changes.events.add(anchor as EventRecord);
}

/** An alert that no rule explains (yet). */
export function applyFallback(turn: Turn, episode: Episode): void {
  if (openIncidentOf(episode) !== null || !episode.fired || !isLive(turn, episode)) return;
  if (episode.incident !== null && episode.end !== OPEN) return;
  const owner = keyOwner(turn, episode);
  if (episode.incident !== null && isReopenable(turn, episode.incident)) {
    // the same episode goes on, so its incident was never over: whatever took its place meanwhile is part of it
    const incident = episode.incident;
    reopenIncident(turn, incident, `${episode.name} had not ended`);
    if (owner !== null) mergeIncidents(turn, [incident, owner], `${episode.name} had not ended`);
    return;
  }
  if (owner !== null) {
    joinIncident(turn, owner, episode, null);
    return;
  }
  const earlier = reopenableOf(turn, episode);
  if (earlier !== null) {
    reopenIncident(turn, earlier, `${episode.name} fires again`);
    joinIncident(turn, earlier, episode, null);
    return;
  }
  const incident = openIncident(turn, {
    rule: FALLBACK_RULE,
    key: episode.scope.fallbackLabels,
    first: episode.key,
    onset: episode.at,
  });
  joinIncident(turn, incident, episode, null);
}

/** The incident that this alert was in before, if it can go on. */
function reopenableOf(turn: Turn, episode: Episode): IncidentRecord | null {
  for (const { incident } of [...episode.series.episodes()].reverse())
    if (incident !== null && isReopenable(turn, incident)) return incident;
  return null;
}

/** What an incident is called in the row that opens it. */
export function describeOpening({ head }: IncidentRecord): string {
  return `${head.number} opened: ${head.rule}, ${formatLabels(head.key)}`;
}
