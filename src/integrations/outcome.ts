/** What sinks have in common when they turn an exchange into an ActionResult. */
import type { ActionResult } from '../ports/sink.js';

/**
 * The result of a delivery that a signal ended: the caller's or the sink's own time limit. When the caller's carries
 * anything but a TimeoutError the daemon is stopping, which is nobody's fault; the delivery is tried again soon.
 */
export function interruption(receiver: string, caller: AbortSignal, unknownOutcome: boolean): ActionResult {
  const reason: unknown = caller.reason;
  const cancelled = caller.aborted && !(reason instanceof Error && reason.name === 'TimeoutError');
  return {
    ok: false,
    retry: true,
    reason: cancelled ? 'cancelled' : 'timeout',
    detail: cancelled
      ? `${receiver} was not waited for: this replica is stopping`
      : `${receiver} did not answer in time`,
    unknownOutcome,
  };
}

/** Milliseconds of a Retry-After header in seconds (the form both our receivers use); undefined when it is not a number. */
export function parseRetryAfter(header: string | null | undefined): number | undefined {
  if (header === null || header === undefined || !/^\d{1,7}$/.test(header.trim())) return undefined;
  return Number(header) * 1_000;
}

const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** True when the error shows that no connection came about, so that the receiver cannot have acted. */
export function neverSent(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== undefined && NEVER_SENT.has(code)) return true;
    const { errors } = cause as AggregateError;
    if (Array.isArray(errors) && errors.length > 0 && errors.every(neverSent)) return true;
  }
  return false;
}
