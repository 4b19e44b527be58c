/** A sink delivers one notification. It never retries: `queue/` does, from the result. */
import type { Labels } from '../domain/labels.js';
import type { Severity } from '../domain/severity.js';

/** A rendered notification, the same for all sinks; each maps it to its own payload. All text is hostile. */
export interface Notification {
  readonly effect: string;
  readonly action: 'trigger' | 'resolve';
  readonly role: string;
  readonly channel: string;
  /** Identity at the receiver (PagerDuty dedup_key). */
  readonly dedupKey: string;
  readonly incident: string;
  readonly number: string;
  readonly severity: Severity;
  readonly status: 'open' | 'resolved' | 'merged';
  /** One line: `[P1] checkout: database_cascade (3 alerts)`. */
  readonly headline: string;
  readonly title: string;
  readonly rule: string;
  readonly hint?: string;
  readonly runbook?: string;
  readonly key: Labels;
  readonly service?: string;
  readonly alertNames: Readonly<Record<string, number>>;
  readonly memberCount: number;
  readonly firingCount: number;
  readonly startedAt: number;
  readonly openedAt: number;
  readonly resolvedAt?: number;
  /** Why this goes to this role now. */
  readonly reason: string;
  /** Address of the incident at the daemon. */
  readonly link: string;
  /** `ref` of the trigger of the same lane, when it was sent (Slack thread to answer in). */
  readonly triggerRef?: Readonly<Record<string, string>>;
}

export interface DeliveryContext {
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly attempt: number;
  /** True when an earlier attempt may have been delivered although nobody recorded it. */
  readonly mayRepeat: boolean;
}

export type FailureReason = 'auth' | 'rate-limited' | 'client' | 'server' | 'timeout' | 'network' | 'cancelled';

export type ActionResult =
  | { readonly ok: true; readonly detail: string; readonly ref?: Readonly<Record<string, string>> }
  | {
      readonly ok: false;
      readonly retry: boolean;
      readonly reason: FailureReason;
      readonly detail: string;
      readonly retryAfterMs?: number;
      /** True when the receiver may have acted (a timeout after sending, a dropped reply). */
      readonly unknownOutcome: boolean;
    };

export interface Sink {
  /** E.g. `pagerduty`; the name of its folder. */
  readonly type: string;
  deliver(notification: Notification, context: DeliveryContext): Promise<ActionResult>;
  close?(): Promise<void>;
}

/** A secret as the configuration hands it over: it prints as `[redacted]`; `reveal` is called where it is used. */
export interface SecretText {
  reveal(): string;
}
