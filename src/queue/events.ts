/** What the workers tell: the source of their metrics and logs, and what tests wait for. */
import type { Effect } from '../domain/effect.js';
import type { FailureReason } from '../ports/sink.js';
import type { Claim } from '../ports/store.js';

interface Timing {
  /** From the time it was due to the claim, by Redis's clock, ms. */
  readonly lateMs: number;
  /** From before the claim to after the last write, ms. */
  readonly tookMs: number;
}

export type WorkerEvent =
  /** The effect is done. `kept` false: the claim was lost meanwhile, somebody else will settle it (again). */
  | ({
      readonly type: 'settled';
      readonly effect: Effect;
      readonly outcome: 'sent' | 'skipped' | 'failed';
      readonly reason: string;
      readonly attempts: number;
      readonly kept: boolean;
    } & Timing)
  /** It was given back and comes again after `delayMs`. */
  | ({
      readonly type: 'retry';
      readonly effect: Effect;
      readonly reason: FailureReason;
      readonly detail: string;
      readonly attempts: number;
      readonly delayMs: number;
      readonly kept: boolean;
    } & Timing)
  /** Nothing to do for this job. */
  | { readonly type: 'passed'; readonly effect: string; readonly status: Exclude<Claim['status'], 'claimed'> }
  /** Redis failed for longer than we insist: the claim expires and the sweep brings the effect back. */
  | { readonly type: 'error'; readonly effect: string; readonly error: Error }
  /** BullMQ or its connection reports an error; it goes on by itself. */
  | { readonly type: 'connection-error'; readonly sink: string; readonly error: Error };
