/** An engine for tests: the shipped rules, the default settings, a virtual clock, and a store that is a few maps. */
import { readFileSync } from 'node:fs';
import type { AlertUpdate } from '../../src/domain/alert.js';
import type { Incident, TimelineEntry } from '../../src/domain/incident.js';
import type { Effect } from '../../src/domain/effect.js';
import type { Input } from '../../src/domain/input.js';
import type { CommitWrites, LoadedPartition, MemberRecord } from '../../src/ports/store.js';
import { ChangeSet, emptyState, loadState, step, toWrites } from '../../src/engine/index.js';
import type { EngineConfig, EngineContext, EngineState } from '../../src/engine/index.js';
import { DEFAULT_MATRIX } from '../../src/notify/plan.js';
import { type CompiledRules, compileRules, formatRuleProblem } from '../../src/rules/index.js';

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** A virtual 0m: 2026-01-10T00:00:00Z. */
export const EPOCH = Date.UTC(2026, 0, 10);

export const DEFAULT_RULES = new URL('../../correlation-rules/default.yaml', import.meta.url);

/** Compiles the text, or throws with the problems. */
export function rulesOf(text: string, path = 'test.yaml'): CompiledRules {
  const compiled = compileRules([{ path, text }]);
  if (compiled.ok) return compiled.rules;
  throw new Error(compiled.problems.map(formatRuleProblem).join('\n'));
}

export function defaultRules(): CompiledRules {
  return rulesOf(readFileSync(DEFAULT_RULES, 'utf8'), 'correlation-rules/default.yaml');
}

export const TEST_CONFIG: EngineConfig = {
  flapWindowMs: 2 * MINUTE,
  reorderWindowMs: MINUTE,
  latenessMs: 10 * MINUTE,
  staleAfterMs: 8 * HOUR + 5 * MINUTE,
  skewMs: MINUTE,
  maxAgeMs: 24 * HOUR,
  resolveAfterMs: 5 * MINUTE,
  reopenWithinMs: 30 * MINUTE,
  attachWindowMs: 2 * HOUR,
  maxSeries: 1_000_000,
  fallbackBy: ['env', 'region', 'cluster', 'namespace', 'service'],
  severityMap: { critical: 'P1', page: 'P1', high: 'P2', error: 'P2', warning: 'P3', info: 'P4', none: 'P4' },
  notify: { matrix: DEFAULT_MATRIX, sinkOf: {}, expireAfterMs: 24 * HOUR },
};

export function contextOf(rules: CompiledRules = defaultRules(), config: Partial<EngineConfig> = {}): EngineContext {
  return { rules, config: { ...TEST_CONFIG, ...config }, partition: { index: 0, count: 1 } };
}

/** A firing alert that began at `at` (ms after EPOCH). */
export function firing(name: string, at: number, labels: Record<string, string>, severity = 'warning'): AlertUpdate {
  return {
    fingerprint: `test:${name}:${JSON.stringify(Object.entries(labels).sort())}`,
    name,
    labels,
    annotations: {},
    status: 'firing',
    startsAt: EPOCH + at,
    severity,
  };
}

export function resolved(alert: AlertUpdate, end: number): AlertUpdate {
  return { ...alert, status: 'resolved', endsAt: EPOCH + end };
}

export interface LogLine {
  /** Of the stream id, ms since EPOCH. */
  readonly at: number;
  readonly input: Input;
}

/** Everything that was ever written, as a store would hold it. */
export class Writings {
  readonly state = new Map<string, string>();
  readonly details = new Map<string, string>();
  readonly incidents = new Map<string, string>();
  readonly live = new Set<string>();
  readonly members = new Map<string, Map<string, string>>();
  readonly timeline = new Map<string, string[]>();
  readonly opened: { id: string; number: string; openedAt: number }[] = [];
  readonly effects: Effect[] = [];

  apply(writes: CommitWrites): void {
    put(this.state, writes.state);
    put(this.details, writes.details);
    for (const [id, head] of writes.incidents) this.incidents.set(id, head);
    for (const [id, live] of writes.live) {
      if (live) this.live.add(id);
      else this.live.delete(id);
    }
    for (const [id, members] of writes.members) {
      const known = this.members.get(id) ?? new Map<string, string>();
      this.members.set(id, known);
      put(known, members);
    }
    for (const [id, rows] of writes.timeline) this.timeline.set(id, [...(this.timeline.get(id) ?? []), ...rows]);
    this.opened.push(...writes.opened);
    this.effects.push(...writes.effects);
  }

  load(): LoadedPartition {
    const incidents = new Map([...this.live].map((id) => [id, this.incidents.get(id) ?? '']));
    return { cursor: '0-0', seq: 0, state: this.state, incidents };
  }

  heads(): Incident[] {
    return [...this.incidents.values()].map((text) => JSON.parse(text) as Incident);
  }

  membersOf(id: string): MemberRecord[] {
    return [...(this.members.get(id)?.values() ?? [])].map((text) => JSON.parse(text) as MemberRecord);
  }

  timelineOf(id: string): TimelineEntry[] {
    return (this.timeline.get(id) ?? []).map((text) => JSON.parse(text) as TimelineEntry);
  }

  /** One text that is equal exactly when everything written is equal. */
  fingerprint(): string {
    const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] =>
      [...map].sort(([left], [right]) => (left < right ? -1 : 1));
    return JSON.stringify({
      state: sorted(this.state),
      details: sorted(this.details),
      incidents: sorted(this.incidents),
      live: [...this.live].sort(),
      members: sorted(this.members).map(([id, members]) => [id, sorted(members)]),
      timeline: sorted(this.timeline),
      opened: this.opened,
      effects: this.effects,
    });
  }
}

function put(target: Map<string, string>, writes: ReadonlyMap<string, string | null>): void {
  for (const [field, value] of writes) {
    if (value === null) target.delete(field);
    else target.set(field, value);
  }
}

export interface RunOptions {
  /** How many entries a batch; after each the changes are written. */
  readonly batch?: (index: number) => number;
  /** Whether to throw memory away and load again after the batch. */
  readonly reload?: (index: number) => boolean;
}

/** Runs a log through the production step and writes what it decides. */
export class EngineRun {
  readonly context: EngineContext;
  readonly writings = new Writings();
  state: EngineState = emptyState();
  wakeAt: number | null = null;
  #count = 0;

  constructor(context: EngineContext = contextOf()) {
    this.context = context;
  }

  /** One commit. */
  apply(lines: readonly LogLine[]): void {
    const changes = new ChangeSet();
    for (const { at, input } of lines) {
      this.#count += 1;
      const entry = { id: `${EPOCH + at}-${this.#count}`, at: EPOCH + at };
      ({ state: this.state, wakeAt: this.wakeAt } = step(this.context, this.state, input, entry, changes));
    }
    this.writings.apply(toWrites(this.state, changes));
  }

  alerts(at: number, ...alerts: AlertUpdate[]): void {
    this.apply([{ at, input: { kind: 'alerts', source: 'test', alerts } }]);
  }

  event(at: number, type: string, labels: Record<string, string>, id = `${type}-${at}`): void {
    const event = { id, type, at: EPOCH + at, labels, annotations: {} };
    this.apply([{ at, input: { kind: 'event', source: 'test', event } }]);
  }

  tick(at: number): void {
    this.apply([{ at, input: { kind: 'tick' } }]);
  }

  reload(): void {
    this.state = loadState(this.context, this.writings.load());
  }

  run(lines: readonly LogLine[], { batch = () => 1, reload = () => false }: RunOptions = {}): this {
    let index = 0;
    for (let start = 0; start < lines.length; index += 1) {
      const size = Math.max(1, batch(index));
      this.apply(lines.slice(start, start + size));
      start += size;
      if (reload(index)) this.reload();
    }
    return this;
  }

  /** Heads as stored, without those merged away. */
  get incidents(): Incident[] {
    return this.writings.heads().filter((head) => head.status !== 'merged');
  }
}
