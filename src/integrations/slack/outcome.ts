/** A failed call of Slack's web API -> may it be tried again, and may it have been done. */
import { plainLine } from '../../domain/text.js';
import type { ActionResult } from '../../ports/sink.js';
import { neverSent, parseRetryAfter } from '../outcome.js';
import type { Trace } from './client.js';

type Failure = Extract<ActionResult, { ok: false }>;

/** The token or its rights are wrong: a person has to change something. */
const AUTH = new Set([
  'account_inactive',
  'access_denied',
  'ekm_access_denied',
  'enterprise_is_restricted',
  'invalid_auth',
  'missing_scope',
  'no_permission',
  'not_allowed_token_type',
  'not_authed',
  'org_login_required',
  'token_expired',
  'token_revoked',
  'two_factor_setup_required',
]);
const RATE_LIMITED = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded']);
const PASSING = new Set([
  'fatal_error',
  'internal_error',
  'request_timeout',
  'service_unavailable',
  'team_added_to_org',
]);
/** What an error code looks like; anything else in its place is the page of a proxy. */
const CODE = /^[a-z][a-z0-9_]{1,80}$/;

export function classifyFailure(trace: Trace): Failure {
  const { status, code } = trace;
  if (status === undefined) return networkFailure(trace);
  const retryAfterMs = parseRetryAfter(trace.retryAfter);
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 429 || (code !== undefined && RATE_LIMITED.has(code))) {
    return { ...failure('rate-limited', true, describe(trace), false), ...wait };
  }
  if (status === 401 || status === 403) return failure('auth', false, describe(trace), false);
  if (status === 408) return failure('timeout', true, describe(trace), true);
  if (status >= 400 && status < 500) return failure('client', false, describe(trace), false);
  if (status !== 200 || code === undefined || !CODE.test(code)) {
    return { ...failure('server', true, describe(trace), true), ...wait };
  }
  if (AUTH.has(code)) return failure('auth', false, describe(trace), false);
  if (PASSING.has(code)) return failure('server', true, describe(trace), true);
  return failure('client', false, describe(trace), false);
}

function networkFailure(trace: Trace): Failure {
  const problem = `Slack could not be reached: ${plainLine(messageOf(trace.error), 300)}`;
  return failure('network', true, problem, !neverSent(trace.error));
}

function failure(reason: Failure['reason'], retry: boolean, detail: string, unknownOutcome: boolean): Failure {
  return { ok: false, retry, reason, detail, unknownOutcome };
}

function describe({ status, code, error }: Trace): string {
  if (code !== undefined && CODE.test(code)) return `Slack answered ${code}`;
  const message = status === 200 ? `: ${plainLine(messageOf(error), 200)}` : '';
  return `Slack answered ${status ?? 'nothing'}${message}`;
}

/** `fetch failed: connect ECONNREFUSED 127.0.0.1:1` */
function messageOf(error: unknown): string {
  const { message, cause } = (error ?? {}) as { readonly message?: unknown; readonly cause?: { message?: unknown } };
  const parts = [message, cause?.message].filter((part) => typeof part === 'string' && part !== '');
  return parts.length === 0 ? 'no answer' : parts.join(': ');
}
