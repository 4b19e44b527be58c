/**
 * Who belongs to which incident. Members are pointers on episodes and a linked list; the counters of the incident are
 * kept along, so that nothing ever walks thousands of members to know how many fire.
 */
import { FALLBACK_RULE } from '../domain/incident.js';
import { encodeMember } from './encode-member.js';
import { type Episode, type IncidentRecord, OPEN } from './model.js';
import { openIncidentOf } from './state.js';
import { record, touch, type Turn } from './turn.js';

/** Distinct alert names that an incident counts. */
const MAX_NAMES = 50;
/** Keys by which later alerts join; an incident merged of more services than this takes them in only as evidence. */
const MAX_ATTACH_KEYS = 256;

/** Makes the episode a member: as evidence of the rule, or attached. Of a member it can make evidence. */
export function joinIncident(turn: Turn, incident: IncidentRecord, episode: Episode, rule: string | null): void {
  if (episode.incident === incident) {
    if (rule !== null) promote(turn, incident, episode, rule);
    return;
  }
  if (episode.incident !== null) detach(turn, episode);
  touch(turn, incident);
  const { head } = incident;
  link(incident, episode);
  episode.joinedAt = turn.now;
  episode.evidenceOf = rule === null ? null : ruleSet(null, rule);
  episode.series.member = true;
  head.memberCount += 1;
  if (episode.end === OPEN) head.firingCount += 1;
  else incident.lastEnd = Math.max(incident.lastEnd, episode.end);
  if (rule === null) incident.levels[episode.level] = (incident.levels[episode.level] ?? 0) + 1;
  head.startedAt = Math.min(head.startedAt, episode.at);
  head.lastActivityAt = turn.now;
  countName(turn, incident, episode);
  claimKey(turn, incident, episode.scope.fallbackKey);
  markMember(turn, episode);
}

function promote(turn: Turn, incident: IncidentRecord, episode: Episode, rule: string): void {
  if (episode.evidenceOf?.includes(rule) === true) return;
  touch(turn, incident);
  if (episode.evidenceOf === null) incident.levels[episode.level] = (incident.levels[episode.level] ?? 1) - 1;
  episode.evidenceOf = ruleSet(episode.evidenceOf, rule);
  markMember(turn, episode);
}

const SINGLE = new Map<string, readonly string[]>();

/** Shared arrays for the common case of one rule: there may be a hundred thousand episodes that name it. */
export function ruleSet(before: readonly string[] | null, rule: string): readonly string[] {
  if (before !== null && before.length > 0) return [...before, rule].sort();
  let single = SINGLE.get(rule);
  if (single === undefined) SINGLE.set(rule, (single = [rule]));
  return single;
}

/** Takes the episode out of the incident as if it never was in it (it was part of another one all along). */
export function leaveIncident(turn: Turn, episode: Episode): void {
  const incident = openIncidentOf(episode);
  if (incident === null) {
    if (episode.incident !== null) detach(turn, episode);
    return;
  }
  touch(turn, incident);
  incident.head.memberCount -= 1;
  if (episode.end === OPEN) incident.head.firingCount -= 1;
  else incident.lastEnd = Math.max(incident.lastEnd, episode.end);
  if (episode.evidenceOf === null) incident.levels[episode.level] = (incident.levels[episode.level] ?? 1) - 1;
  const count = (incident.names[episode.name] ?? 1) - 1;
  if (count > 0) incident.names[episode.name] = count;
  else delete incident.names[episode.name];
  incident.renamed = true;
  turn.changes.members.delete(episode);
  turn.changes.forgetMember(incident.head.id, episode.id);
  unlink(episode);
}

/** Takes the pointer away and leaves the incident's own record of the member as it is. */
export function detach(turn: Turn, episode: Episode): void {
  if (episode.incident === null) return;
  if (turn.changes.members.delete(episode)) {
    turn.changes.keepMember(episode.incident.head.id, episode.id, encodeMember(episode));
  }
  unlink(episode);
  turn.changes.series.add(episode.series);
}

/** Call before the onset of an episode changes: its id is part of the records. */
export function memberMoved(turn: Turn, episode: Episode, at: number): void {
  const { incident } = episode;
  if (incident !== null) {
    turn.changes.forgetMember(incident.head.id, episode.id);
    turn.changes.members.add(episode);
    touch(turn, incident);
    incident.head.startedAt = Math.min(incident.head.startedAt, at);
  }
  episode.at = at;
}

/** An ended member fires again. An incident that is not open any more is looked at by the group stage. */
export function memberResumed(turn: Turn, episode: Episode): void {
  const incident = openIncidentOf(episode);
  if (incident === null) return;
  touch(turn, incident);
  incident.head.firingCount += 1;
  incident.head.lastActivityAt = turn.now;
  turn.changes.members.add(episode);
}

/** The end of an episode is known, or another one than before. */
export function memberEnded(turn: Turn, episode: Episode, wasOpen: boolean): void {
  if (episode.incident === null) return;
  turn.changes.members.add(episode);
  const incident = openIncidentOf(episode);
  if (incident === null) return;
  touch(turn, incident);
  if (wasOpen) incident.head.firingCount -= 1;
  incident.head.lastActivityAt = turn.now;
  incident.lastEnd = Math.max(incident.lastEnd, episode.end);
}

/** The sender calls it worse than before. */
export function raiseLevel(turn: Turn, episode: Episode, level: number, severity: string | undefined): void {
  // also of a resolved one: it may be opened again, and by this very statement
  const { incident } = episode;
  if (incident !== null) {
    touch(turn, incident);
    if (episode.evidenceOf === null) {
      incident.levels[episode.level] = (incident.levels[episode.level] ?? 1) - 1;
      incident.levels[level] = (incident.levels[level] ?? 0) + 1;
    } else {
      noteAutoLevel(incident, episode.evidenceOf, level);
    }
  }
  if (incident !== null) turn.changes.members.add(episode);
  episode.level = level;
  episode.severity = severity;
}

/** Rules with classification `auto` take the level of their evidence. */
export function noteAutoLevel(incident: IncidentRecord, rules: readonly string[], level: number): void {
  const auto = incident.head.hypotheses.some((each) => each.classification === 'auto' && rules.includes(each.rule));
  if (auto) incident.autoLevel = Math.min(incident.autoLevel, level);
}

/** Makes the incident the one that later alerts with this fallback key join. */
export function claimKey(turn: Turn, incident: IncidentRecord, key: string): void {
  const { keyOwners } = turn.state;
  const owner = keyOwners.get(key);
  if (owner === incident) return;
  const { head } = incident;
  if (!head.attachKeys.includes(key)) {
    if (head.attachKeys.length >= MAX_ATTACH_KEYS) return;
    head.attachKeys = [...head.attachKeys, key];
  }
  if (owner !== undefined) {
    // only one open incident has a key, so that a reload finds the same owner
    touch(turn, owner);
    owner.head.attachKeys = owner.head.attachKeys.filter((each) => each !== key);
  }
  keyOwners.set(key, incident);
}

/** Counts one more alert of the name. True when the name is new to the incident. */
export function addName(incident: IncidentRecord, name: string): boolean {
  const { names } = incident;
  const known = names[name];
  if (known !== undefined) names[name] = known + 1;
  if (known !== undefined || Object.keys(names).length >= MAX_NAMES) return false;
  names[name] = 1;
  incident.renamed = true;
  return true;
}

function countName(turn: Turn, incident: IncidentRecord, episode: Episode): void {
  if (!addName(incident, episode.name)) return;
  const before = turn.touched.get(incident);
  const isFirst = before?.opened === true && incident.head.memberCount === 1;
  if (isFirst || episode.evidenceOf !== null) return;
  const where = incident.head.rule === FALLBACK_RULE ? 'same key' : 'same key as a member';
  record(turn, incident, 'attached', `${episode.name} joined: ${where}`, {
    at: episode.at,
    data: { episode: episode.id },
  });
}

export function markMember(turn: Turn, episode: Episode): void {
  turn.changes.members.add(episode);
  turn.changes.series.add(episode.series);
}

export function link(incident: IncidentRecord, episode: Episode): void {
  episode.incident = incident;
  episode.previous = null;
  episode.next = incident.first;
  if (incident.first !== null) incident.first.previous = episode;
  incident.first = episode;
}

export function unlink(episode: Episode): void {
  const { incident, previous, next } = episode;
  if (previous !== null) previous.next = next;
  else if (incident !== null) incident.first = next;
  if (next !== null) next.previous = previous;
  episode.incident = null;
  episode.previous = null;
  episode.next = null;
}
