/**
 * State -> blobs. Everything that a batch marked is written once, in an order that does not depend on how it was
 * found. Keys are short because there are many; `v` is the version of the encoding.
 */
import type { CommitWrites } from '../ports/store.js';
import type { ChangeSet } from './changes.js';
import { encodeMember } from './encode-member.js';
import { type Episode, type EventRecord, type IncidentRecord, OPEN, type Series } from './model.js';
import type { EngineState } from './state.js';

export const STATE_VERSION = 1;

/** `[at, end or null, level, severity, bits, flaps, joinedAt, incident, evidenceOf, matched]`, cut after the last that is set. */
export type EpisodeBlob = readonly [
  number,
  number | null,
  number,
  (string | null)?,
  number?,
  number?,
  number?,
  (string | null)?,
  (readonly string[] | null)?,
  (readonly string[] | null)?,
];

export const BIT_FIRED = 1;
export const BIT_STALE = 2;

export interface SeriesBlob {
  readonly v: number;
  /** Name, source, labels. */
  readonly n: string;
  readonly o: string;
  readonly l: Readonly<Record<string, string>>;
  /** Last seen. */
  readonly t: number;
  /** Episodes, oldest first. */
  readonly e: readonly EpisodeBlob[];
  /** Starts and ends of the facts, when there is more than one start. */
  readonly s?: readonly number[];
  readonly x?: readonly number[];
  /** 1 when an episode ever was a member. */
  readonly m?: 1;
}

export interface EventBlob {
  readonly v: number;
  readonly i: string;
  readonly n: string;
  readonly l: Readonly<Record<string, string>>;
  readonly a: number;
  readonly b: number;
  readonly r?: readonly string[];
}

export interface IncidentBlob {
  readonly v: number;
  /** Levels of members that are no evidence, auto level, floor, last end. */
  readonly l: readonly number[];
  readonly a: number;
  readonly f: number;
  readonly e: number;
}

export interface MetaBlob {
  readonly v: number;
  readonly now: number;
  readonly day: string;
  readonly sequence: number;
}

/** All writes of the batch. Call once, with the state that its last step returned. */
export function toWrites(state: EngineState, changes: ChangeSet): CommitWrites {
  const fields = new Map<string, string | null>();
  for (const field of [...changes.dropped].sort()) fields.set(field, null);
  for (const series of sortBy(changes.series, (each) => each.fingerprint)) {
    fields.set(`s:${series.fingerprint}`, encodeSeries(series));
  }
  for (const event of sortBy(changes.events, (each) => each.key)) fields.set(`e:${event.key}`, encodeEvent(event));
  const incidents = new Map<string, string>();
  for (const incident of sortBy(changes.incidents, (each) => each.head.id)) {
    const { id } = incident.head;
    incidents.set(id, JSON.stringify(incident.head));
    if (state.incidents.has(id)) fields.set(`i:${id}`, encodeIncident(incident));
  }
  if (changes.meta || changes.opened.length > 0) fields.set('m', encodeMeta(state));
  const details = new Map<string, string | null>();
  for (const [fingerprint, detail] of sortBy(changes.details, ([key]) => key)) {
    details.set(fingerprint, detail === null ? null : JSON.stringify({ v: STATE_VERSION, ...detail }));
  }
  return {
    state: fields,
    details,
    incidents,
    live: new Map(sortBy(changes.live, ([id]) => id)),
    opened: changes.opened.map(({ head }) => ({ id: head.id, number: head.number, openedAt: head.openedAt })),
    members: membersOf(changes),
    timeline: new Map(sortBy(changes.timeline, ([id]) => id)),
    effects: changes.effects,
  };
}

function membersOf(changes: ChangeSet): ReadonlyMap<string, ReadonlyMap<string, string | null>> {
  const all = new Map<string, Map<string, string | null>>();
  const of = (incident: string): Map<string, string | null> => {
    let members = all.get(incident);
    if (members === undefined) all.set(incident, (members = new Map<string, string | null>()));
    return members;
  };
  for (const [incident, gone] of changes.membersGone) for (const episode of gone) of(incident).set(episode, null);
  for (const [incident, kept] of changes.membersBefore) for (const [id, blob] of kept) of(incident).set(id, blob);
  for (const episode of changes.members) {
    if (episode.incident !== null) of(episode.incident.head.id).set(episode.id, encodeMember(episode));
  }
  return new Map(
    sortBy(all, ([incident]) => incident).map(([incident, members]) => [
      incident,
      new Map(sortBy(members, ([episode]) => episode)),
    ]),
  );
}

function sortBy<T>(items: Iterable<T>, keyOf: (item: T) => string): T[] {
  return [...items].sort((left, right) => {
    const [a, b] = [keyOf(left), keyOf(right)];
    return a < b ? -1 : a > b ? 1 : 0;
  });
}

export function encodeSeries(series: Series): string {
  const blob: SeriesBlob = {
    v: STATE_VERSION,
    n: series.name,
    o: series.source,
    l: series.labels,
    t: series.lastSeen,
    e: [...series.episodes()].map(encodeEpisode),
    ...(series.facts === null ? {} : { s: series.facts.starts, x: series.facts.ends }),
    ...(series.member ? { m: 1 as const } : {}),
  };
  return JSON.stringify(blob);
}

function encodeEpisode(episode: Episode): EpisodeBlob {
  return [
    episode.at,
    episode.end === OPEN ? null : episode.end,
    episode.level,
    episode.severity ?? null,
    (episode.fired ? BIT_FIRED : 0) | (episode.stale ? BIT_STALE : 0),
    episode.flaps,
    episode.joinedAt,
    episode.incident?.head.id ?? null,
    episode.evidenceOf,
    episode.matched,
  ];
}

export function encodeEvent(event: EventRecord): string {
  const blob: EventBlob = {
    v: STATE_VERSION,
    i: event.id,
    n: event.type,
    l: event.labels,
    a: event.at,
    b: event.began,
    ...(event.matched === null ? {} : { r: event.matched }),
  };
  return JSON.stringify(blob);
}

export function encodeIncident(incident: IncidentRecord): string {
  const { levels, autoLevel, floor, lastEnd } = incident;
  const blob: IncidentBlob = { v: STATE_VERSION, l: levels, a: autoLevel, f: floor, e: lastEnd };
  return JSON.stringify(blob);
}

export function encodeMeta(state: EngineState): string {
  const blob: MetaBlob = { v: STATE_VERSION, now: state.now, day: state.day, sequence: state.sequence };
  return JSON.stringify(blob);
}
