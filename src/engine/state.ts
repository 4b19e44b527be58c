/** The engine's memory of one partition, and the indexes over it. Everything here can be rebuilt from what is stored. */
import type { CompiledRule, CompiledStep, Subject } from '../rules/index.js';
import type { EngineContext } from './context.js';
import { sweepPeriod } from './context.js';
import type { Episode, EventRecord, IncidentRecord, Occurrence, Series } from './model.js';
import { OPEN } from './model.js';
import { OccurrenceIndex } from './occurrence-index.js';
import { ScopePool } from './scope.js';
import { TimerHeap } from './timers.js';

/** One place in a rule that an alert or event may take. */
export interface StepRef {
  readonly rule: CompiledRule;
  readonly step: CompiledStep;
  readonly isAnchor: boolean;
}

export class EngineState {
  now = 0;
  /** UTC day of the latest incident, `20261122`, and its number on that day. */
  day = '';
  sequence = 0;
  readonly series = new Map<string, Series>();
  readonly events = new Map<string, EventRecord>();
  readonly incidents = new Map<string, IncidentRecord>();
  /** Fallback key -> the open incident that takes further alerts of it. */
  readonly keyOwners = new Map<string, IncidentRecord>();
  /** Rule and key -> incidents with such a hypothesis. */
  readonly ruleKeys = new Map<string, Set<IncidentRecord>>();
  readonly #texts = new Map<string, string>();
  readonly timers = new TimerHeap();
  nextSweep = OPEN;
  openEpisodes = 0;
  /** Times of senders that were not believable. */
  clamped = 0;
  /** Alerts of new series that were not taken in because there are too many. */
  refused = 0;

  // --- over the rules and the fallback key of the context; see prepare() ---
  context: EngineContext | null = null;
  fallbackBy = '';
  refs = new Map<string, readonly StepRef[]>();
  index = new OccurrenceIndex();
  scopes = new ScopePool([]);

  /** The one copy of a text that many series have: alert names, sources. */
  intern(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    // names are few; somebody who makes them up must not fill the memory
    if (this.#texts.size >= 10_000) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}

/** Alerts and events have separate name spaces. */
export function subjectKey(subject: Subject): string {
  return subject.type === 'alert' ? `a:${subject.name}` : `e:${subject.name}`;
}

export function subjectOf(occurrence: Occurrence): string {
  return occurrence.isEvent ? `e:${occurrence.name}` : `a:${occurrence.name}`;
}

/** Brings the indexes in line with the rules and the fallback key in force. Does nothing when they are the same. */
export function prepare(state: EngineState, context: EngineContext): void {
  if (state.context === context) return;
  const fallbackBy = JSON.stringify(context.config.fallbackBy);
  const sameKeys = fallbackBy === state.fallbackBy;
  if (!sameKeys) rebuildScopes(state, context);
  if (state.context?.rules.hash !== context.rules.hash || !sameKeys) rebuildIndex(state, context);
  state.context = context;
  state.fallbackBy = fallbackBy;
}

function rebuildScopes(state: EngineState, { config }: EngineContext): void {
  state.scopes = new ScopePool(config.fallbackBy);
  for (const series of state.series.values()) series.scope = state.scopes.acquire(series.labels);
  for (const event of state.events.values()) event.scope = state.scopes.acquire(event.labels);
}

function rebuildIndex(state: EngineState, { rules }: EngineContext): void {
  const refs = new Map<string, StepRef[]>();
  for (const rule of rules.rules) {
    if (!rule.enabled || rule.inert !== undefined) continue;
    for (const step of [rule.anchor, ...rule.steps]) {
      const key = subjectKey(step.subject);
      const list = refs.get(key) ?? [];
      list.push({ rule, step, isAnchor: step === rule.anchor });
      refs.set(key, list);
    }
  }
  state.refs = refs;
  state.index = new OccurrenceIndex();
  for (const series of state.series.values()) {
    for (const episode of series.episodes()) {
      episode.indexed = false;
      indexOccurrence(state, episode);
    }
  }
  for (const event of state.events.values()) {
    event.indexed = false;
    indexOccurrence(state, event);
  }
}

/** Only what some rule asks for is indexed. */
export function indexOccurrence(state: EngineState, occurrence: Occurrence): void {
  const subject = subjectOf(occurrence);
  if (state.refs.has(subject)) state.index.add(subject, occurrence);
}

export function unindexOccurrence(state: EngineState, occurrence: Occurrence): void {
  if (occurrence.indexed) state.index.remove(subjectOf(occurrence), occurrence);
}

/** The sweep runs at whole multiples of its period, so that it does not depend on when the engine was started. */
export function ensureSweep(state: EngineState, context: EngineContext): void {
  if (state.nextSweep !== OPEN || (state.series.size === 0 && state.events.size === 0)) return;
  const period = sweepPeriod(context.config);
  state.nextSweep = (Math.floor(state.now / period) + 1) * period;
}

/** The incident of an episode while it is open, else null. */
export function openIncidentOf(episode: Episode): IncidentRecord | null {
  return episode.incident !== null && episode.incident.head.status === 'open' ? episode.incident : null;
}

export interface StateStats {
  readonly series: number;
  readonly openEpisodes: number;
  readonly incidents: number;
  readonly events: number;
  /** Times of senders that were not believed, since the state was loaded. */
  readonly clamped: number;
  /** Alerts not taken in because max_series was reached, since the state was loaded. */
  readonly refused: number;
}

export function stateStats(state: EngineState): StateStats {
  const { openEpisodes, clamped, refused } = state;
  const open = state.incidents.size;
  return { series: state.series.size, openEpisodes, incidents: open, events: state.events.size, clamped, refused };
}
