/**
 * An incident: what a person acts on. This record is both the engine's memory of an open incident and the document
 * the API and the workers read, so that there is one truth. Members are kept beside it (they may be thousands).
 */
import type { Labels } from './labels.js';
import type { Severity } from './severity.js';

export const INCIDENT_VERSION = 1;

/** `merged` incidents live on inside `mergedInto`. */
export type IncidentStatus = 'open' | 'resolved' | 'merged';

/** The rule name of an incident that no rule explains. */
export const FALLBACK_RULE = 'fallback';

/** One piece of evidence of one step, with the distance that made it count. */
export interface Evidence {
  /** The step's id within the rule: its alert or event name, or its explicit id. */
  readonly step: string;
  /** Episode id `<fingerprint>@<start ms>` or event id. */
  readonly ref: string;
  readonly name: string;
  /** Start minus anchor instant in ms: negative = before the anchor. */
  readonly offset: number;
}

/** A rule that matched, as an explanation of the incident. The first in the list is the leading one. */
export interface Hypothesis {
  readonly rule: string;
  readonly classification: Severity | 'auto';
  readonly hint?: string;
  readonly runbook?: string;
  /** Ranking inputs, semantics of the rule language, section 4.4. */
  readonly priority: number;
  readonly hasChange: boolean;
  readonly specificity: number;
  readonly anchorAt: number;
  readonly key: Labels;
  readonly matchedAt: number;
  /** At most 50 pieces; `evidenceCount` says how many there were. */
  readonly evidence: readonly Evidence[];
  readonly evidenceCount: number;
}

/** What is known of one planned notification, for people. The outbox row is the record of the work itself. */
export interface NotificationState {
  readonly effect: string;
  readonly generation: number;
  readonly action: 'trigger' | 'resolve';
  readonly role: string;
  readonly channel: string;
  readonly sink: string;
  readonly severity: Severity;
  readonly dueAt: number;
  readonly status: 'scheduled' | 'sent' | 'skipped' | 'failed';
  readonly at?: number;
  readonly reason?: string;
  readonly ref?: Readonly<Record<string, string>>;
}

export interface Incident {
  readonly v: number;
  /** Deterministic: hash of partition, rule, key, anchor fingerprint and onset. 16 hex digits. */
  readonly id: string;
  /** For people: `INC-YYYYMMDD-NNN`, from the order of the log. */
  readonly number: string;
  readonly partition: number;
  status: IncidentStatus;
  mergedInto?: string;
  /** Name of the leading rule, or `fallback`. */
  rule: string;
  hint?: string;
  runbook?: string;
  /** The anchor's scope labels (rule) or the fallback key. */
  key: Labels;
  title: string;
  severity: Severity;
  /** Why the severity is what it is, in one line. */
  severityReason: string;
  /** When the first evidence began (sender's clock), ms. */
  startedAt: number;
  /** When we opened it, ms (time of the log entry). */
  openedAt: number;
  resolvedAt?: number;
  /** Last time a member joined, ended or re-fired. */
  lastActivityAt: number;
  /** 0 at first, +1 at each re-opening: notifications of one generation belong together. */
  generation: number;
  reopened: number;
  /** Ids of incidents merged into this one. */
  merged: readonly string[];
  hypotheses: readonly Hypothesis[];
  memberCount: number;
  firingCount: number;
  /** Distinct alert names among the members with how many episodes each, at most 50 names. */
  alertNames: Readonly<Record<string, number>>;
  /** Change events among the evidence. */
  events: readonly { readonly id: string; readonly type: string; readonly at: number }[];
  /** Fallback keys (canonical) of the members: a later alert with one of them joins. */
  attachKeys: readonly string[];
  notifications: readonly NotificationState[];
}

/** Why and when an episode belongs to an incident. */
export interface Membership {
  readonly joinedAt: number;
  /** `evidence` of a rule's step, or `attached` by the fallback key. */
  readonly as: 'evidence' | 'attached';
  readonly via: string;
}

/** One line of an incident's timeline. `at` is when it happened, `knownAt` when we learned of it. */
export interface TimelineEntry {
  readonly at: number;
  readonly knownAt: number;
  readonly type:
    | 'opened'
    | 'upgraded'
    | 'hypothesis'
    | 'attached'
    | 'merged'
    | 'severity'
    | 'planned'
    | 'notified'
    | 'skipped'
    | 'failed'
    | 'resolved'
    | 'reopened';
  readonly text: string;
  readonly data?: Readonly<Record<string, unknown>>;
}
