/** Blobs -> state: the reverse of encode.ts. Indexes, timers and matches follow from what is loaded. */
import { TocsinError } from '../errors.js';
import type { Incident } from '../domain/incident.js';
import type { LoadedPartition } from '../ports/store.js';
import type { EngineContext } from './context.js';
import {
  BIT_FIRED,
  BIT_STALE,
  type EpisodeBlob,
  type EventBlob,
  type IncidentBlob,
  type MetaBlob,
  type SeriesBlob,
  STATE_VERSION,
} from './encode.js';
import { register } from './hypotheses.js';
import { schedule } from './lifecycle-timers.js';
import { shareValues } from './ingest.js';
import { link, ruleSet } from './membership.js';
import { Episode, EventRecord, IncidentRecord, OPEN, Series } from './model.js';
import { ensureSweep, EngineState, prepare } from './state.js';

export function emptyState(): EngineState {
  return new EngineState();
}

/**
 * The state as it was when the loaded partition was committed.
 * Throws TocsinError (TOCSIN_STORE_NEWER) for a blob of a newer version than this program writes.
 */
export function loadState(context: EngineContext, loaded: LoadedPartition): EngineState {
  const state = new EngineState();
  // scopes first: what is read below belongs to one from the start
  prepare(state, context);
  const meta = loaded.state.get('m');
  if (meta !== undefined) {
    const { now, day, sequence } = parse<MetaBlob>('m', meta);
    Object.assign(state, { now, day, sequence });
  }
  for (const [id, text] of loaded.incidents) readIncident(state, id, text, loaded.state.get(`i:${id}`));
  for (const [field, text] of loaded.state) {
    if (field.startsWith('s:')) readSeries(state, field.slice(2), parse<SeriesBlob>(field, text));
    else if (field.startsWith('e:')) readEvent(state, parse<EventBlob>(field, text));
  }
  // the index was built over nothing
  state.context = null;
  prepare(state, context);
  for (const incident of state.incidents.values()) schedule(state, context, incident);
  ensureSweep(state, context);
  return state;
}

function parse<T extends { readonly v: number }>(field: string, text: string): T {
  const blob = JSON.parse(text) as T;
  if (blob.v > STATE_VERSION) {
    throw new TocsinError(
      'TOCSIN_STORE_NEWER',
      `state field ${field} has version ${blob.v}, this program reads up to ${STATE_VERSION}; start the newer version`,
    );
  }
  return blob;
}

function readIncident(state: EngineState, id: string, text: string, own: string | undefined): void {
  const head = parse<Incident>(id, text);
  const incident = new IncidentRecord(head);
  if (own !== undefined) {
    const { l, a, f, e } = parse<IncidentBlob>(`i:${id}`, own);
    incident.levels = [...l];
    incident.autoLevel = a;
    incident.floor = f;
    incident.lastEnd = e;
  }
  state.incidents.set(id, incident);
  if (head.status === 'open') for (const key of head.attachKeys) state.keyOwners.set(key, incident);
  if (head.status !== 'merged') for (const hypothesis of head.hypotheses) register(state, incident, hypothesis);
}

function readSeries(state: EngineState, fingerprint: string, blob: SeriesBlob): void {
  const scope = state.scopes.acquire(blob.l);
  const name = state.intern(blob.n);
  const labels = shareValues(blob.l, name, scope);
  const series = new Series(fingerprint, name, state.intern(blob.o), labels, scope, blob.t);
  if (blob.s !== undefined && blob.x !== undefined) series.facts = { starts: [...blob.s], ends: [...blob.x] };
  series.member = blob.m === 1;
  const episodes = blob.e.map((each) => readEpisode(state, series, each));
  series.current = episodes.pop() as Episode;
  series.past = episodes.length === 0 ? null : episodes;
  state.series.set(fingerprint, series);
}

function readEpisode(state: EngineState, series: Series, blob: EpisodeBlob): Episode {
  const [at, end, level, severity, bits = 0, flaps = 0, joinedAt = 0, incident, evidenceOf, matched] = blob;
  const fired = (bits & BIT_FIRED) !== 0;
  const episode = new Episode(series, at, end ?? OPEN, fired, level, severity ?? undefined);
  episode.stale = (bits & BIT_STALE) !== 0;
  episode.flaps = flaps;
  episode.joinedAt = joinedAt;
  if (end === null) state.openEpisodes += 1;
  const home = incident == null ? undefined : state.incidents.get(incident);
  if (home !== undefined) link(home, episode);
  episode.evidenceOf = shared(evidenceOf);
  episode.matched = shared(matched);
  return episode;
}

function readEvent(state: EngineState, blob: EventBlob): void {
  const event = new EventRecord(blob.i, blob.n, blob.l, blob.a, blob.b, state.scopes.acquire(blob.l));
  event.matched = shared(blob.r);
  state.events.set(event.key, event);
}

function shared(rules: readonly string[] | null | undefined): readonly string[] | null {
  if (rules == null) return null;
  return rules.length === 1 ? ruleSet(null, rules[0] as string) : rules;
}
