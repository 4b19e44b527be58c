/** What sinks have in common when they turn an exchange into an ActionResult. */
import type { ActionResult } from '../ports/sink.js';

/**
 * The result of a delivery that its signal ended. When the signal carries anything but a TimeoutError the daemon is
 * stopping, which is nobody's fault; the delivery is tried again soon.
 */
export function interruption(receiver: string, signal: AbortSignal, unknownOutcome: boolean): ActionResult {
  const reason = signal.reason as { readonly name?: unknown } | undefined;
  const cancelled = reason?.name !== 'TimeoutError';
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
  let cause = error as Failure | undefined;
  for (let depth = 0; depth < 5 && typeof cause === 'object' && cause !== null; depth += 1) {
    if (typeof cause.code === 'string' && NEVER_SENT.has(cause.code)) return true;
    if (Array.isArray(cause.errors) && cause.errors.length > 0 && cause.errors.every(neverSent)) return true;
    cause = cause.cause;
  }
  return false;
}

/** The parts of Node's errors that matter here: fetch wraps what happened, and several addresses give several errors. */
interface Failure {
  readonly code?: unknown;
  readonly errors?: unknown;
  readonly cause?: Failure;
}
