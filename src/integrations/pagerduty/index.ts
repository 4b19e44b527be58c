/** The PagerDuty sink: Events API v2. A repeat with the same dedup key updates the alert at the receiver instead of adding one. */
import { plainLine } from '../../domain/text.js';
import type { ActionResult, DeliveryContext, Notification, SecretText, Sink } from '../../ports/sink.js';
import { interruption, parseRetryAfter } from '../outcome.js';
import { createPagerDutyClient, type Exchange, type PagerDutyClientOptions } from './client.js';
import { buildPagerDutyEvent } from './map.js';

export interface PagerDutySinkConfig extends PagerDutyClientOptions {
  /** Role -> integration key of a service; `default` serves the others. */
  readonly routingKeys: Readonly<Record<string, SecretText>>;
}

export function createPagerDutySink(config: PagerDutySinkConfig): Sink {
  const client = createPagerDutyClient(config);
  return {
    type: 'pagerduty',
    deliver: async (notification, context) => {
      const key = config.routingKeys[notification.role] ?? config.routingKeys['default'];
      if (key === undefined) return missingKey(notification.role);
      const routingKey = key.reveal();
      const exchange = await client.send(buildPagerDutyEvent(notification, routingKey), context.signal);
      return redact(toResult(exchange, notification, context), routingKey);
    },
    close: async () => client.close(),
  };
}

function missingKey(role: string): ActionResult {
  return {
    ok: false,
    retry: false,
    reason: 'client',
    detail: `no PagerDuty routing key for the role ${role} and no default: set sinks.pagerduty.routing_keys`,
    unknownOutcome: false,
  };
}

function toResult(exchange: Exchange, notification: Notification, context: DeliveryContext): ActionResult {
  const { status } = exchange;
  if (status === undefined) return withoutAnswer(exchange, context.signal);
  const detail = `PagerDuty answered ${status}${describeBody(exchange.body)}`;
  if (status >= 200 && status < 300) {
    return { ok: true, detail, ref: { dedup_key: notification.dedupKey } };
  }
  const failure = { ok: false, detail } as const;
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(exchange.retryAfter);
    return {
      ...failure,
      retry: true,
      reason: 'rate-limited',
      unknownOutcome: false,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  if (status === 401 || status === 403) return { ...failure, retry: false, reason: 'auth', unknownOutcome: false };
  if (status === 408) return { ...failure, retry: true, reason: 'timeout', unknownOutcome: true };
  if (status >= 400 && status < 500) return { ...failure, retry: false, reason: 'client', unknownOutcome: false };
  return { ...failure, retry: true, reason: 'server', unknownOutcome: true };
}

function withoutAnswer(exchange: Exchange, signal: AbortSignal): ActionResult {
  const unknownOutcome = exchange.connected;
  if (signal.aborted) return interruption('PagerDuty', signal, unknownOutcome);
  return {
    ok: false,
    retry: true,
    reason: 'network',
    detail: `PagerDuty could not be reached: ${plainLine(exchange.error?.message ?? 'no answer', 300)}`,
    unknownOutcome,
  };
}

/** `: Event object is invalid ('summary' is missing)` */
function describeBody(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { message, errors } = body as { message?: unknown; errors?: unknown };
  const list = Array.isArray(errors) ? ` (${errors.map(String).join('; ')})` : '';
  const text = `${typeof message === 'string' ? message : ''}${list}`;
  return text === '' ? '' : `: ${plainLine(text, 300)}`;
}

function redact(result: ActionResult, secret: string): ActionResult {
  return secret === '' ? result : { ...result, detail: result.detail.replaceAll(secret, '[redacted]') };
}
