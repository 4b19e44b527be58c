/**
 * What the engine remembers: series with their episodes, events, incidents. Classes with a stable shape and few
 * objects each, because there may be a million of them; everything rare hangs off a pointer that is usually null.
 */
import { episodeId } from '../domain/ids.js';
import type { Incident } from '../domain/incident.js';
import type { Labels } from '../domain/labels.js';
import type { Scope } from './scope.js';

/** `end` of an episode that is still firing. */
export const OPEN = Infinity;

/** What a rule's step can look at: an episode of an alert, or an event. */
export interface Occurrence {
  /** Onset of an episode, instant of an event. */
  at: number;
  /** Before `at` only for an event with a duration: its beginning. */
  began: number;
  end: number;
  readonly isEvent: boolean;
  readonly name: string;
  /** Fingerprint or event id: breaks ties between equal times. */
  readonly key: string;
  readonly scope: Scope;
  /** Names of the rules whose anchor this is and that matched. */
  matched: readonly string[] | null;
  indexed: boolean;
}

export class Episode implements Occurrence {
  readonly series: Series;
  at: number;
  end: number;
  /** Index in SEVERITIES of the worst severity seen. */
  level: number;
  severity: string | undefined;
  flaps = 0;
  /** At least one firing statement; false for the resolve of an alert that was never seen. */
  fired: boolean;
  stale = false;
  indexed = false;
  incident: IncidentRecord | null = null;
  /** When it joined its (last) incident; 0: never was in one. */
  joinedAt = 0;
  /** Rules it is evidence of; null: attached by key. */
  evidenceOf: readonly string[] | null = null;
  matched: readonly string[] | null = null;
  /** Neighbours in the member list of the incident. */
  previous: Episode | null = null;
  next: Episode | null = null;

  constructor(series: Series, at: number, end: number, fired: boolean, level: number, severity: string | undefined) {
    this.series = series;
    this.at = at;
    this.end = end;
    this.fired = fired;
    this.level = level;
    this.severity = severity;
  }

  get isEvent(): boolean {
    return false;
  }

  get began(): number {
    return this.at;
  }

  get name(): string {
    return this.series.name;
  }

  get key(): string {
    return this.series.fingerprint;
  }

  get scope(): Scope {
    return this.series.scope;
  }

  get id(): string {
    return episodeId(this.series.fingerprint, this.at);
  }
}

/**
 * What was said about one fingerprint, as sets: which starts, which ends. Flat arrays of numbers, sorted by start.
 * A series whose only fact is its episode's start has none.
 */
export interface Facts {
  /** start, last received; pairs. */
  starts: number[];
  /** start, latest end, last received, 1 when nobody said it (stale); quadruples. */
  ends: number[];
}

export class Series {
  readonly fingerprint: string;
  readonly name: string;
  readonly source: string;
  readonly labels: Labels;
  scope: Scope;
  /** Coarse, see lastSeenStep. */
  lastSeen: number;
  facts: Facts | null = null;
  /** The latest episode. */
  current!: Episode;
  /** Earlier ones that are still kept, oldest first. */
  past: Episode[] | null = null;
  /** Whether an episode ever was a member: then people may still look for its details. */
  member = false;

  constructor(fingerprint: string, name: string, source: string, labels: Labels, scope: Scope, lastSeen: number) {
    this.fingerprint = fingerprint;
    this.name = name;
    this.source = source;
    this.labels = labels;
    this.scope = scope;
    this.lastSeen = lastSeen;
  }

  *episodes(): Generator<Episode> {
    if (this.past !== null) yield* this.past;
    yield this.current;
  }
}

export class EventRecord implements Occurrence {
  readonly id: string;
  readonly type: string;
  readonly labels: Labels;
  at: number;
  began: number;
  scope: Scope;
  matched: readonly string[] | null = null;
  indexed = false;

  constructor(id: string, type: string, labels: Labels, at: number, began: number, scope: Scope) {
    this.id = id;
    this.type = type;
    this.labels = labels;
    this.at = at;
    this.began = began;
    this.scope = scope;
  }

  get end(): number {
    return this.at;
  }

  get isEvent(): boolean {
    return true;
  }

  get name(): string {
    return this.type;
  }

  /** Field of the state and tie-break: the type is part of it, since a start and an end event may share an id. */
  get key(): string {
    return `${this.type}/${this.id}`;
  }
}

/** Level of nothing at all: below P4. */
export const NO_LEVEL = 5;

/** An incident in memory: the head that others read, and what only the engine needs. */
export class IncidentRecord {
  head: Incident;
  /** How many members that are no rule's evidence have each level, P0 to P4. */
  levels: number[] = [0, 0, 0, 0, 0];
  /** Worst level among the evidence of rules with classification `auto`. */
  autoLevel = NO_LEVEL;
  /** Level below which the severity does not fall any more: the ratchet. NO_LEVEL while no rule explains it. */
  floor = NO_LEVEL;
  /** The latest end of an ended member. */
  lastEnd = 0;
  first: Episode | null = null;
  /** A new name or explanation: the title must be made again. */
  renamed = false;
  /** The same object as head.alertNames. */
  readonly names: Record<string, number>;
  /** When its timer fires; OPEN: none. Entries of the heap with another time are void. */
  due = OPEN;

  constructor(head: Incident) {
    this.head = head;
    // without a prototype: alert names are keys, and hostile
    this.names = Object.assign(Object.create(null) as Record<string, number>, head.alertNames);
    head.alertNames = this.names;
  }

  *members(): Generator<Episode> {
    for (let episode = this.first; episode !== null;) {
      const { next } = episode;
      yield episode;
      episode = next;
    }
  }
}
