/** Incidents that turn out to be one: the oldest goes on, the others end as `merged` inside it. */
import { uniteHypotheses, unregister } from './hypotheses.js';
import { addName, claimKey, detach, link, markMember } from './membership.js';
import type { IncidentRecord } from './model.js';
import { record, touch, type Turn } from './turn.js';

const MAX_MERGED = 1000;
const MAX_EVENTS = 50;

/** The order among incidents, independent of how they were found: the oldest first. */
export function compareIncidents(left: IncidentRecord, right: IncidentRecord): number {
  const a = left.head;
  const b = right.head;
  if (a.openedAt !== b.openedAt) return a.openedAt - b.openedAt;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Merges open incidents (at least one) and returns the one that goes on. */
export function mergeIncidents(turn: Turn, incidents: readonly IncidentRecord[], reason: string): IncidentRecord {
  const [survivor, ...others] = [...incidents].sort(compareIncidents) as [IncidentRecord, ...IncidentRecord[]];
  for (const other of others) absorb(turn, survivor, other, reason);
  return survivor;
}

function absorb(turn: Turn, survivor: IncidentRecord, away: IncidentRecord, reason: string): void {
  const { state, now } = turn;
  touch(turn, survivor);
  touch(turn, away);
  const [to, from] = [survivor.head, away.head];
  // members that are forgotten already stay where their records are: with the incident that goes
  const names: string[] = [];
  for (const episode of away.members()) {
    detach(turn, episode);
    link(survivor, episode);
    markMember(turn, episode);
    names.push(episode.name);
  }
  to.memberCount += names.length;
  // sorted: the order of the list is another one after a reload
  for (const name of names.sort()) addName(survivor, name);
  survivor.renamed = true;
  to.firingCount += from.firingCount;
  to.startedAt = Math.min(to.startedAt, from.startedAt);
  to.lastActivityAt = now;
  survivor.lastEnd = Math.max(survivor.lastEnd, away.lastEnd);
  survivor.autoLevel = Math.min(survivor.autoLevel, away.autoLevel);
  survivor.levels = survivor.levels.map((count, level) => count + (away.levels[level] ?? 0));
  const eventIds = new Set(to.events.map((event) => event.id));
  to.events = [...to.events, ...from.events.filter((event) => !eventIds.has(event.id))].slice(0, MAX_EVENTS);
  // what a rule said stays said, wherever it was said
  survivor.floor = Math.min(survivor.floor, away.floor);
  for (const hypothesis of from.hypotheses) unregister(state, away, hypothesis);
  uniteHypotheses(state, survivor, from.hypotheses);
  to.merged = [...to.merged, from.id, ...from.merged].slice(0, MAX_MERGED);
  const keys = from.attachKeys.filter((key) => state.keyOwners.get(key) === away);
  for (const key of keys) state.keyOwners.delete(key);
  from.status = 'merged';
  from.mergedInto = to.id;
  from.lastActivityAt = now;
  from.firingCount = 0;
  for (const key of keys) claimKey(turn, survivor, key);
  record(turn, survivor, 'merged', `took in ${from.number}: ${reason}`, { data: { incident: from.id } });
  record(turn, away, 'merged', `went into ${to.number}: ${reason}`, { data: { incident: to.id } });
}
