/**
 * Stage 6: what happens because time passed: incidents resolve and are forgotten, silent episodes end, ended ones are
 * dropped from memory. Timers fire in the order (due, kind, id), each at its own time, before the next input.
 */
import type { ChangeSet } from './changes.js';
import { type EngineContext, lastSeenStep, retentionOf } from './context.js';
import { endAsStale, forgetPast } from './ingest.js';
import { unregister } from './hypotheses.js';
import { isSettled, schedule } from './lifecycle-timers.js';
import { detach } from './membership.js';
import { type Episode, type IncidentRecord, type Occurrence, OPEN, type Series } from './model.js';
import { settle, tellEnd } from './settle.js';
import { ensureSweep, type EngineState, subjectOf } from './state.js';
import { record, startTurn, touch, type Turn } from './turn.js';

/** Fires all timers that are due by `until` and sets the state's clock to it. */
export function runTimers(context: EngineContext, state: EngineState, until: number, changes: ChangeSet): void {
  for (;;) {
    const timer = state.timers.first;
    const due = Math.min(timer?.due ?? OPEN, state.nextSweep);
    if (due > until) break;
    const now = Math.max(due, state.now);
    state.now = now;
    changes.meta = true;
    const turn = startTurn(context, state, changes, now);
    if (timer === undefined || timer.due > state.nextSweep) {
      sweep(turn);
    } else {
      state.timers.pop();
      const incident = state.incidents.get(timer.id);
      if (incident === undefined || incident.due !== timer.due) continue;
      incident.due = OPEN;
      if (timer.kind === 'resolve') resolve(turn, incident);
      else forget(turn, incident);
    }
    settle(turn);
  }
  if (until > state.now) {
    state.now = until;
    changes.meta = true;
  }
}

/** The earliest time at which something will happen without input, or null. */
export function nextWake(state: EngineState): number | null {
  const due = Math.min(state.timers.first?.due ?? OPEN, state.nextSweep);
  return due === OPEN ? null : due;
}

function resolve(turn: Turn, incident: IncidentRecord): void {
  touch(turn, incident);
  const { head } = incident;
  head.status = 'resolved';
  head.resolvedAt = turn.now;
  for (const key of head.attachKeys) {
    if (turn.state.keyOwners.get(key) === incident) turn.state.keyOwners.delete(key);
  }
  record(turn, incident, 'resolved', `all ${head.memberCount} members ended`, { data: { lastEnd: incident.lastEnd } });
  tellEnd(turn, incident);
}

function forget(turn: Turn, incident: IncidentRecord): void {
  const { state, changes, context, now } = turn;
  if (!isSettled(incident, context, now)) {
    schedule(state, context, incident);
    return;
  }
  for (const hypothesis of incident.head.hypotheses) unregister(state, incident, hypothesis);
  for (const episode of incident.members()) detach(turn, episode);
  state.incidents.delete(incident.head.id);
  changes.live.set(incident.head.id, false);
  changes.dropped.add(`i:${incident.head.id}`);
}

/** Looks at every series: which fell silent, which can be forgotten. Coarse on purpose, and rare. */
function sweep(turn: Turn): void {
  const { state, context, now } = turn;
  const { config } = context;
  const silentSince = now - config.staleAfterMs - lastSeenStep(config);
  const endedBefore = now - retentionOf(context);
  const silent: Series[] = [];
  const gone = new Map<string, Set<Occurrence>>();
  for (const series of state.series.values()) {
    if (series.current.end === OPEN) {
      if (series.lastSeen < silentSince) silent.push(series);
      if (series.past !== null) forgetEpisodes(turn, series, endedBefore, gone);
    } else if (series.current.end < endedBefore) {
      forgetSeries(turn, series, gone);
    } else if (series.past !== null) {
      forgetEpisodes(turn, series, endedBefore, gone);
    }
  }
  for (const event of state.events.values()) {
    if (event.at >= endedBefore) continue;
    state.events.delete(event.key);
    state.scopes.release(event.scope);
    turn.changes.dropped.add(`e:${event.key}`);
    turn.changes.events.delete(event);
    markGone(gone, event);
  }
  for (const [subject, occurrences] of gone) state.index.removeAll(subject, occurrences);
  silent.sort((left, right) => (left.fingerprint < right.fingerprint ? -1 : 1));
  for (const series of silent) endAsStale(turn, series);
  state.nextSweep = OPEN;
  ensureSweep(state, context);
}

function forgetSeries(turn: Turn, series: Series, gone: Map<string, Set<Occurrence>>): void {
  const { state, changes } = turn;
  for (const episode of series.episodes()) forgetEpisode(turn, episode, gone);
  state.series.delete(series.fingerprint);
  state.scopes.release(series.scope);
  changes.series.delete(series);
  changes.dropped.add(`s:${series.fingerprint}`);
  // people may still look at the incident
  if (!series.member) changes.details.set(series.fingerprint, null);
}

function forgetEpisodes(turn: Turn, series: Series, endedBefore: number, gone: Map<string, Set<Occurrence>>): void {
  const kept = (series.past ?? []).filter((episode) => episode.end >= endedBefore);
  if (kept.length === series.past?.length) return;
  for (const episode of series.past ?? []) if (episode.end < endedBefore) forgetEpisode(turn, episode, gone);
  series.past = kept.length === 0 ? null : kept;
  forgetPast(series);
  turn.changes.series.add(series);
}

function forgetEpisode(turn: Turn, episode: Episode, gone: Map<string, Set<Occurrence>>): void {
  detach(turn, episode);
  markGone(gone, episode);
}

function markGone(gone: Map<string, Set<Occurrence>>, occurrence: Occurrence): void {
  if (!occurrence.indexed) return;
  const subject = subjectOf(occurrence);
  const known = gone.get(subject);
  if (known === undefined) gone.set(subject, new Set([occurrence]));
  else known.add(occurrence);
}
