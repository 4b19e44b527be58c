/**
 * An effect: one thing the outside world must be told, decided by the engine and written into the outbox in the same
 * commit as the decision. BullMQ carries it to a worker; the outbox row is the record.
 */
import type { Severity } from './severity.js';

export const EFFECT_VERSION = 1;

export interface Effect {
  readonly v: number;
  /** Deterministic; the same decision replayed gives the same id. Neither all digits nor with a `:`. */
  readonly id: string;
  readonly kind: 'notify';
  readonly incident: string;
  readonly generation: number;
  readonly action: 'trigger' | 'resolve';
  readonly role: string;
  /** Channel of the matrix (pagerduty, slack, email, sms). */
  readonly channel: string;
  /** The configured sink that serves the channel; `log` when none is configured for it. */
  readonly sink: string;
  /**
   * Effects of one lane never run at the same time, and no trigger runs after its lane's resolve was attempted:
   * `<incident>.<generation>.<channel>.<role>`.
   */
  readonly lane: string;
  /** Severity of the incident when this was planned; the worker skips when it changed since. */
  readonly severity: Severity;
  readonly plannedAt: number;
  /** Not before this time (Redis's clock, ms). */
  readonly dueAt: number;
  /** Not retried after this time: then it ends as failed, visibly. */
  readonly expiresAt: number;
  /** One line for people: which row of the matrix asked for this. */
  readonly reason: string;
}

/** Identity of the receiver-side alert: the same for all effects of one incident and generation. */
export function dedupKey(effect: Pick<Effect, 'incident' | 'generation'>): string {
  return effect.generation === 0 ? `tocsin/${effect.incident}` : `tocsin/${effect.incident}/${effect.generation}`;
}
