/** When a delivery that failed is tried again. */

export interface RetrySettings {
  /** Ceiling of the pause before the second attempt, ms; it doubles with each further attempt. */
  readonly firstMs: number;
  /** Highest ceiling, ms. */
  readonly maxMs: number;
}

/** A receiver that asks for more patience than this is tried again anyway. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * Pause after the `attempt`th attempt (from 1), ms: full jitter, so that many that failed together do not come back
 * together; never before the receiver said (`retryAfterMs`). `random` is uniform in [0, 1).
 */
export function backoffDelay(
  attempt: number,
  retry: RetrySettings,
  retryAfterMs: number | undefined,
  random: () => number,
): number {
  const ceiling = Math.min(retry.maxMs, retry.firstMs * 2 ** Math.min(attempt - 1, 40));
  const jitter = Math.round(ceiling * random());
  if (retryAfterMs === undefined) return jitter;
  return Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS) + Math.min(jitter, retry.firstMs);
}
