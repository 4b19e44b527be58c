/**
 * What the senders tell us, normalised: alert updates and change events.
 * All times are milliseconds since the epoch, UTC.
 */
import type { Labels } from './labels.js';

/**
 * One statement of a sender about one alert: "this fingerprint is firing / resolved".
 * Repeated and re-ordered freely by senders; the engine folds the *set* of them into episodes.
 */
export interface AlertUpdate {
  /** Identity of the alerting series, unique across sources (prefixed by the source's type or name). */
  readonly fingerprint: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly status: 'firing' | 'resolved';
  /** When it began, by the sender's clock. Absent when the sender did not say or said garbage: then arrival counts. */
  readonly startsAt?: number;
  /** When it ended; only on resolved updates. */
  readonly endsAt?: number;
  /** The sender's own word for severity (`critical`, `warning`, …), lower case. */
  readonly severity?: string;
  readonly value?: number;
  /** A link back to the sender's page of this alert (http or https only). */
  readonly url?: string;
}

/** Something that changed: a deployment, a configuration change, a scaling action. A point in time or a short interval. */
export interface ChangeEvent {
  /** Stable identity; the same event delivered twice has the same id. */
  readonly id: string;
  /** E.g. `deployment_completed`. */
  readonly type: string;
  readonly at: number;
  readonly startedAt?: number;
  readonly labels: Labels;
  /** Revision, author, link and the like; shown, never matched. */
  readonly annotations: Labels;
}
