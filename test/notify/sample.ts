/** Incidents and effects for tests, complete and boring unless overridden. */
import type { Effect } from '../../src/domain/effect.js';
import type { Incident, NotificationState } from '../../src/domain/incident.js';
import { DEFAULT_MATRIX, type NotifySettings } from '../../src/notify/plan.js';

export const T0 = Date.UTC(2026, 10, 22, 14, 0, 0);
export const MINUTE = 60_000;

export const SETTINGS: NotifySettings = {
  matrix: DEFAULT_MATRIX,
  sinkOf: { pagerduty: 'pagerduty', slack: 'slack' },
  expireAfterMs: 24 * 60 * MINUTE,
};

export function sampleIncident(overrides: Partial<Incident> = {}): Incident {
  return {
    v: 1,
    id: '0123456789abcdef',
    number: 'INC-20261122-007',
    partition: 0,
    status: 'open',
    rule: 'database_cascade',
    hint: 'Check connection pool and slow queries',
    runbook: 'runbooks/database.yml',
    key: { service: 'checkout', cluster: 'eu1' },
    title: 'database_cascade on checkout',
    severity: 'P1',
    severityReason: 'classification of database_cascade',
    startedAt: T0 - MINUTE,
    openedAt: T0,
    lastActivityAt: T0,
    generation: 0,
    reopened: 0,
    merged: [],
    hypotheses: [],
    memberCount: 3,
    firingCount: 2,
    alertNames: { DatabaseConnectionsHigh: 1, HighErrorRate: 2 },
    events: [],
    attachKeys: [],
    notifications: [],
    ...overrides,
  };
}

/** What the engine keeps on the incident of a planned effect. */
export function stateOf(effect: Effect, overrides: Partial<NotificationState> = {}): NotificationState {
  const { id, generation, action, role, channel, sink, severity, dueAt } = effect;
  return { effect: id, generation, action, role, channel, sink, severity, dueAt, status: 'scheduled', ...overrides };
}

export function sampleEffect(overrides: Partial<Effect> = {}): Effect {
  return {
    v: 1,
    id: 'n00112233445566ff',
    kind: 'notify',
    incident: '0123456789abcdef',
    generation: 0,
    action: 'trigger',
    role: 'engineering',
    channel: 'slack',
    sink: 'slack',
    lane: '0123456789abcdef.0.slack.engineering',
    severity: 'P1',
    plannedAt: T0,
    dueAt: T0,
    expiresAt: T0 + 24 * 60 * MINUTE,
    reason: 'opened: P1 tells engineering by slack at once',
    ...overrides,
  };
}
