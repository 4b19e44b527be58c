/**
 * Stage 1: an alert update becomes facts, and facts become episodes. The common case, a repeat that says nothing new,
 * ends after one look-up.
 */
import type { AlertUpdate } from '../domain/alert.js';
import type { Labels } from '../domain/labels.js';
import { SEVERITIES } from '../domain/severity.js';
import { type EngineConfig, lastSeenStep } from './context.js';
import { foldFacts, forgetFacts, knownEnd, latestStart, noteEnd, noteStart } from './fold.js';
import { Episode, type Facts, OPEN, Series } from './model.js';
import { type Scope, SCOPE_LABELS } from './scope.js';
import { reconcile } from './reconcile.js';
import { ensureSweep, indexOccurrence } from './state.js';
import type { Turn } from './turn.js';
import { raiseLevel } from './membership.js';

/** 2000-01-01: what lies before was not meant (year 1 is "no time" in Go). */
export const EARLIEST = 946_684_800_000;

/** Index in SEVERITIES of the sender's word. */
export function levelOf(severity: string | undefined, config: EngineConfig): number {
  const level =
    severity === undefined || !Object.hasOwn(config.severityMap, severity) ? undefined : config.severityMap[severity];
  return SEVERITIES.indexOf(level ?? 'P3');
}

/** Takes in one update. What changed is in turn.pending and turn.homeless. */
export function ingestUpdate(turn: Turn, update: AlertUpdate, source: string): void {
  const series = turn.state.series.get(update.fingerprint);
  if (series === undefined) {
    beginSeries(turn, update, source);
    return;
  }
  const { current } = series;
  if (update.status === 'firing') {
    const startsAt = believable(turn, update.startsAt) ?? (current.end === OPEN ? current.at : turn.now);
    if (series.facts === null) {
      if (startsAt === current.at) {
        repeat(turn, series, update);
        return;
      }
      series.facts = materialise(series);
    }
    if (noteStart(series.facts, startsAt, turn.now, turn.context.config.skewMs)) {
      refold(turn, series, update);
    } else {
      repeat(turn, series, update);
    }
    return;
  }
  ingestResolve(turn, series, update);
}

function ingestResolve(turn: Turn, series: Series, update: AlertUpdate): void {
  const { current } = series;
  const facts = (series.facts ??= materialise(series));
  const startsAt = believable(turn, update.startsAt) ?? current.at;
  const end = believable(turn, update.endsAt) ?? knownEnd(facts, startsAt) ?? turn.now;
  noteEnd(facts, startsAt, Math.max(end, startsAt), turn.now, false);
  refold(turn, series, update);
}

/** The facts behind a series that has only its start. */
export function materialise(series: Series): Facts {
  return { starts: [series.current.at, series.lastSeen], ends: [] };
}

/** The sender's time, or undefined when it is no time at all or lies in the future. */
function believable(turn: Turn, time: number | undefined): number | undefined {
  if (time === undefined || !(time >= EARLIEST)) return undefined;
  if (time <= turn.now + turn.context.config.skewMs) return time;
  turn.state.clamped += 1;
  return undefined;
}

/** The same statement again: only the last word and, rarely, a worse severity. */
function repeat(turn: Turn, series: Series, update: AlertUpdate): void {
  if (turn.now - series.lastSeen >= lastSeenStep(turn.context.config)) {
    series.lastSeen = turn.now;
    turn.changes.series.add(series);
  }
  if (update.severity !== series.current.severity) worsen(turn, series, update);
}

function worsen(turn: Turn, series: Series, update: AlertUpdate): void {
  const level = levelOf(update.severity, turn.context.config);
  if (level >= series.current.level) return;
  raiseLevel(turn, series.current, level, update.severity);
  turn.changes.series.add(series);
}

function refold(turn: Turn, series: Series, update: AlertUpdate): void {
  const { config } = turn.context;
  if (update.status === 'firing') series.lastSeen = turn.now;
  turn.changes.series.add(series);
  const level = levelOf(update.severity, config);
  const began = reconcile(turn, series, foldFacts(series.facts as Facts, config), level, update.severity);
  if (began) describe(turn, update);
  else if (update.status === 'firing' && update.severity !== series.current.severity) worsen(turn, series, update);
}

function beginSeries(turn: Turn, update: AlertUpdate, source: string): void {
  const { state, context, now } = turn;
  const { config } = context;
  const level = levelOf(update.severity, config);
  if (state.series.size >= config.maxSeries && isRefused(turn, level, update)) return;
  const firing = update.status === 'firing';
  const startsAt = believable(turn, update.startsAt);
  const scope = state.scopes.acquire(update.labels);
  const name = state.intern(update.name);
  const labels = shareValues(update.labels, name, scope);
  const series = new Series(update.fingerprint, name, state.intern(source), labels, scope, now);
  if (firing) {
    series.current = new Episode(series, startsAt ?? now, OPEN, true, level, update.severity);
  } else {
    const end = believable(turn, update.endsAt) ?? now;
    const at = Math.min(startsAt ?? end, now);
    series.facts = { starts: [], ends: [at, Math.max(at, end), now, 0] };
    series.current = new Episode(series, at, Math.max(at, end), false, level, update.severity);
  }
  state.series.set(update.fingerprint, series);
  if (firing) state.openEpisodes += 1;
  ensureSweep(state, context);
  indexOccurrence(state, series.current);
  turn.changes.series.add(series);
  turn.pending.add(series.current);
  turn.homeless.add(series.current);
  describe(turn, update);
}

/** The same labels with the texts that thousands of series have in common stored once. */
export function shareValues(labels: Labels, name: string, scope: Scope): Labels {
  const shared: Record<string, string> = { ...labels };
  for (const label of SCOPE_LABELS) {
    const value = scope.labels[label];
    if (value !== undefined) shared[label] = value;
  }
  if (shared['alertname'] === name) shared['alertname'] = name;
  return shared;
}

/** Severe alerts and those about ourselves are still taken in, up to a tenth more. */
function isRefused(turn: Turn, level: number, update: AlertUpdate): boolean {
  const { state, context } = turn;
  if (update.fingerprint.startsWith('tocsin:')) return false;
  if (level <= SEVERITIES.indexOf('P1') && state.series.size < context.config.maxSeries * 1.1) return false;
  state.refused += 1;
  return true;
}

/** What only people need goes to the store and not into memory. */
function describe(turn: Turn, { fingerprint, annotations, url }: AlertUpdate): void {
  if (url === undefined && Object.keys(annotations).length === 0) return;
  turn.changes.details.set(fingerprint, { annotations, url });
}

/** Ends an episode that nobody spoke of for too long, at its last word. */
export function endAsStale(turn: Turn, series: Series): void {
  const facts = (series.facts ??= materialise(series));
  const start = latestStart(facts);
  // received at the last word, so that any later firing statement shows that it was not over
  noteEnd(facts, start, Math.max(series.lastSeen, start), series.lastSeen, true);
  turn.changes.series.add(series);
  reconcile(turn, series, foldFacts(facts, turn.context.config), series.current.level, series.current.severity);
}

/** Forgets the facts of the episodes before the current one. */
export function forgetPast(series: Series): void {
  if (series.facts !== null && series.past === null) forgetFacts(series.facts, series.current.at - 1);
}
