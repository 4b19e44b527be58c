/** What the engine is given besides state and input. All times in ms. */
import type { Severity } from '../domain/severity.js';
import type { NotifySettings } from '../notify/plan.js';
import type { CompiledRules } from '../rules/index.js';

export interface EngineConfig {
  /** A start at most this long after an end continues the episode. */
  readonly flapWindowMs: number;
  /** A firing update received this long after the end of the same start withdraws the end. */
  readonly reorderWindowMs: number;
  /** Evidence that ended longer ago than this does not open anything. */
  readonly latenessMs: number;
  /** An episode without a word for so long has ended, at its last word. */
  readonly staleAfterMs: number;
  /** Error of the senders' clocks that is believed. */
  readonly skewMs: number;
  /** Ended episodes are kept for the rules' windows, at most this long. */
  readonly maxAgeMs: number;
  /** An incident resolves this long after its last member ended. */
  readonly resolveAfterMs: number;
  readonly reopenWithinMs: number;
  /** An incident without activity for so long takes no further alerts by key. */
  readonly attachWindowMs: number;
  /** Series in memory; beyond, only severe ones are taken in (10 % more), the rest is counted and reported. */
  readonly maxSeries: number;
  /** Labels of the fallback key. */
  readonly fallbackBy: readonly string[];
  /** The sender's word for severity, lower case -> level. Missing or unknown is P3. */
  readonly severityMap: Readonly<Record<string, Severity>>;
  readonly notify: NotifySettings;
}

/** Which of the partitions this is; part of ids and numbers so that they never collide. */
export interface PartitionIdentity {
  readonly index: number;
  readonly count: number;
}

export interface EngineContext {
  readonly rules: CompiledRules;
  readonly config: EngineConfig;
  readonly partition: PartitionIdentity;
}

/** How long an ended episode or an event can still matter, ms. */
export function retentionOf({ rules, config }: EngineContext): number {
  // Twice the window: a step may start a window before the anchor, and the last step a window after it.
  const windows = Math.min(2 * rules.longestMs, config.maxAgeMs);
  return Math.max(windows, config.resolveAfterMs + config.reopenWithinMs) + config.latenessMs;
}

/** How precisely the last word of a series is kept: finer would write a blob at every repeat. */
export function lastSeenStep(config: EngineConfig): number {
  return Math.max(1, Math.floor(config.staleAfterMs / 50));
}

/** Between two looks at all series for stale and forgotten ones. */
export function sweepPeriod(config: EngineConfig): number {
  return Math.min(Math.max(lastSeenStep(config), 60_000), 600_000);
}
