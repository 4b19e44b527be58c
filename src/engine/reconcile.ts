/**
 * Brings the episodes of a series in line with what the fold says. An episode keeps its identity (and its incident)
 * while any span covers its onset; two that turn out to be one become one, and so do their incidents.
 */
import { Episode, OPEN, type Series } from './model.js';
import type { Span } from './fold.js';
import { indexOccurrence, openIncidentOf, unindexOccurrence } from './state.js';
import type { Turn } from './turn.js';
import { joinIncident, leaveIncident, memberEnded, memberMoved, memberResumed, raiseLevel } from './membership.js';
import { mergeIncidents } from './merge.js';

/** True when a new episode began. New, moved and resumed episodes are in turn.pending. */
export function reconcile(
  turn: Turn,
  series: Series,
  spans: readonly Span[],
  level: number,
  severity: string | undefined,
): boolean {
  const known = [...series.episodes()];
  const left = new Set(known);
  const result: Episode[] = [];
  let began = false;
  for (const span of spans) {
    const inside = known.filter((episode) => left.has(episode) && episode.at <= span.end && endOf(episode) >= span.at);
    for (const episode of inside) left.delete(episode);
    const kept = inside.find((episode) => openIncidentOf(episode) !== null) ?? inside[0];
    if (kept === undefined) {
      began = true;
      result.push(beginEpisode(turn, series, span, level, severity));
      continue;
    }
    for (const other of inside) if (other !== kept) absorb(turn, kept, other);
    adjust(turn, kept, span);
    result.push(kept);
  }
  // facts beyond the bound were forgotten: what they began goes on in the oldest episode that is left
  for (const episode of left) absorb(turn, result[0] as Episode, episode);
  series.current = result.pop() as Episode;
  series.past = result.length === 0 ? null : result;
  return began;
}

/** An episode of which only the onset is sure is found by its onset. */
function endOf(episode: Episode): number {
  return episode.end === OPEN ? episode.at : Math.max(episode.at, episode.end);
}

function beginEpisode(turn: Turn, series: Series, span: Span, level: number, severity: string | undefined): Episode {
  const episode = new Episode(series, span.at, span.end, span.fired, level, severity);
  episode.flaps = span.flaps;
  episode.stale = span.stale;
  if (span.end === OPEN) turn.state.openEpisodes += 1;
  indexOccurrence(turn.state, episode);
  turn.pending.add(episode);
  turn.homeless.add(episode);
  return episode;
}

function adjust(turn: Turn, episode: Episode, span: Span): void {
  const { state } = turn;
  episode.flaps = Math.max(episode.flaps, span.flaps);
  if (span.at !== episode.at) {
    unindexOccurrence(state, episode);
    memberMoved(turn, episode, span.at);
    indexOccurrence(state, episode);
    turn.pending.add(episode);
  }
  if (span.fired && !episode.fired) {
    episode.fired = true;
    turn.pending.add(episode);
    turn.homeless.add(episode);
  }
  if (span.end === episode.end && span.stale === episode.stale) return;
  const wasOpen = episode.end === OPEN;
  episode.end = span.end;
  episode.stale = span.stale;
  if (span.end === OPEN) {
    state.openEpisodes += 1;
    memberResumed(turn, episode);
    turn.pending.add(episode);
    turn.homeless.add(episode);
  } else {
    if (wasOpen) state.openEpisodes -= 1;
    memberEnded(turn, episode, wasOpen);
  }
}

/** `other` was the same firing all along. */
function absorb(turn: Turn, kept: Episode, other: Episode): void {
  const theirs = openIncidentOf(other);
  const ours = openIncidentOf(kept);
  if (other.level < kept.level) raiseLevel(turn, kept, other.level, other.severity);
  discard(turn, other);
  if (theirs === null) return;
  if (ours === null) joinIncident(turn, theirs, kept, null);
  else if (theirs !== ours) mergeIncidents(turn, [ours, theirs], 'one alert of both');
}

function discard(turn: Turn, episode: Episode): void {
  if (episode.end === OPEN) turn.state.openEpisodes -= 1;
  unindexOccurrence(turn.state, episode);
  turn.pending.delete(episode);
  turn.homeless.delete(episode);
  leaveIncident(turn, episode);
}
