/** Notification -> body of PagerDuty's Events API v2. Pure. Limits: summary 1,024 code points, dedup_key 255, body 512 KB. */
import type { Severity } from '../../domain/severity.js';
import { formatLabels } from '../../domain/labels.js';
import { clip } from '../../domain/text.js';
import type { Notification } from '../../ports/sink.js';

export interface PagerDutyEvent {
  readonly routing_key: string;
  readonly event_action: 'trigger' | 'resolve';
  readonly dedup_key: string;
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    readonly severity: 'critical' | 'error' | 'warning' | 'info';
    readonly timestamp?: string;
    readonly component?: string;
    readonly class?: string;
    readonly custom_details: Readonly<Record<string, unknown>>;
  };
  readonly links: { href: string; text: string }[];
}

const SEVERITY_AT_RECEIVER: Readonly<Record<Severity, PagerDutyEvent['payload']['severity']>> = {
  P0: 'critical',
  P1: 'error',
  P2: 'warning',
  P3: 'info',
  P4: 'info',
};

export function buildPagerDutyEvent(notification: Notification, routingKey: string): PagerDutyEvent {
  const timestamp = isoTime(notification.startedAt);
  return {
    routing_key: routingKey,
    event_action: notification.action,
    dedup_key: clip(notification.dedupKey, 255),
    payload: {
      summary: clip(notification.headline, 1024),
      source: clip(notification.service ?? formatLabels(notification.key), 255),
      severity: SEVERITY_AT_RECEIVER[notification.severity],
      ...(timestamp !== undefined && { timestamp }),
      ...(notification.service !== undefined && { component: notification.service }),
      class: notification.rule,
      custom_details: buildDetails(notification),
    },
    links: buildLinks(notification),
  };
}

function buildDetails(notification: Notification): Record<string, unknown> {
  const { number, severity, status, title, rule, hint, runbook, key, alertNames, reason, role } = notification;
  return {
    incident: number,
    incident_id: notification.incident,
    severity,
    status,
    title,
    rule,
    ...(hint !== undefined && { hint }),
    ...(runbook !== undefined && { runbook }),
    key,
    alerts: alertNames,
    alert_count: notification.memberCount,
    firing_count: notification.firingCount,
    started_at: isoTime(notification.startedAt),
    opened_at: isoTime(notification.openedAt),
    ...(notification.resolvedAt !== undefined && { resolved_at: isoTime(notification.resolvedAt) }),
    role,
    reason,
    notification: notification.effect,
  };
}

function buildLinks(notification: Notification): { href: string; text: string }[] {
  const links = [{ href: notification.link, text: `Incident ${notification.number}` }];
  const { runbook } = notification;
  if (runbook !== undefined && /^https?:\/\//i.test(runbook)) links.push({ href: runbook, text: 'Runbook' });
  return links;
}

/** Undefined for a time that no calendar has: a sender's clock is foreign input. */
function isoTime(ms: number): string | undefined {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
