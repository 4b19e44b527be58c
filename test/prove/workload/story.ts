/**
 * How the alerts of one or several scenarios travel: cut into webhooks of 1 to 8 alerts, shuffled, some sent twice, the
 * resolves in a later round. Two scenarios in one story share webhooks, which then reach several partitions at once.
 */
import { createHash } from 'node:crypto';

import type { Random } from '../random.js';
import type { PlannedAlert, PlannedEvent, Scenario } from './scenario.js';

/** One alert in one state, as said by one delivery. */
export interface Statement {
  readonly alert: string;
  readonly status: 'firing' | 'resolved';
  readonly startsAt: number;
  readonly endsAt?: number;
}

export interface Delivery {
  readonly id: string;
  readonly door: '/webhooks/alertmanager' | '/events';
  readonly body: string;
  readonly statements: readonly Statement[];
  /** Id of the change event that it carries. */
  readonly event?: string;
}

export interface Round {
  /** How long after the round before it was acknowledged, ms. */
  readonly afterMs: number;
  /** Built when the round begins, because resolves end "now". */
  readonly deliveries: (now: number) => readonly Delivery[];
}

export interface Story {
  readonly id: string;
  readonly scenarios: readonly Scenario[];
  readonly rounds: readonly Round[];
}

const MOST_ALERTS = 8;
const SENT_TWICE = 0.1;

export function tellStory(id: string, scenarios: readonly Scenario[], random: Random): Story {
  const own = random.fork();
  const firing: Round = {
    afterMs: 0,
    deliveries: () => {
      const alerts = own.shuffle(scenarios.flatMap((scenario) => scenario.alerts));
      const webhooks = cut(alerts, own).map((part, index) => buildWebhook(id, `f${index}`, part, own));
      const events = scenarios.flatMap(({ event }) => (event === undefined ? [] : [buildEvent(event)]));
      return own.shuffle(repeatSome([...webhooks, ...events], own));
    },
  };
  const ending = scenarios.filter((scenario) => scenario.resolves).flatMap((scenario) => scenario.alerts);
  if (ending.length === 0) return { id, scenarios, rounds: [firing] };
  const resolving: Round = {
    afterMs: own.integer(300, 9_000),
    deliveries: (now) => {
      const webhooks = cut(own.shuffle(ending), own).map((part, index) =>
        buildWebhook(id, `r${index}`, part, own, now),
      );
      return own.shuffle(repeatSome(webhooks, own));
    },
  };
  return { id, scenarios, rounds: [firing, resolving] };
}

function cut(alerts: readonly PlannedAlert[], random: Random): PlannedAlert[][] {
  const parts: PlannedAlert[][] = [];
  for (let from = 0; from < alerts.length;) {
    const size = random.integer(1, MOST_ALERTS);
    parts.push(alerts.slice(from, from + size));
    from += size;
  }
  return parts;
}

/** A repeat keeps its id: it is the same delivery, sent again. */
function repeatSome(deliveries: readonly Delivery[], random: Random): Delivery[] {
  return deliveries.flatMap((delivery) => (random.chance(SENT_TWICE) ? [delivery, delivery] : [delivery]));
}

function fingerprintOf(alert: PlannedAlert): string {
  return createHash('sha256').update(alert.key).digest('hex').slice(0, 16);
}

/** Alertmanager's webhook, version 4; with `endedAt` (ms) its alerts are resolved. */
function buildWebhook(
  story: string,
  part: string,
  alerts: readonly PlannedAlert[],
  random: Random,
  endedAt?: number,
): Delivery {
  const status = endedAt === undefined ? 'firing' : 'resolved';
  const body = {
    version: '4',
    receiver: 'tocsin',
    status,
    // several lanes a story, as several route groups would give
    groupKey: `{}:{story="${story}",lane="${random.integer(0, 1)}"}`,
    truncatedAlerts: 0,
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager.invalid',
    alerts: alerts.map((alert) => ({
      status,
      labels: alert.labels,
      annotations: { summary: `proof ${alert.key}` },
      startsAt: new Date(alert.startsAt).toISOString(),
      endsAt: endedAt === undefined ? '0001-01-01T00:00:00Z' : new Date(endedAt).toISOString(),
      generatorURL: 'http://prometheus.invalid/graph',
      fingerprint: fingerprintOf(alert),
    })),
  };
  const statements = alerts.map((alert): Statement => {
    const said = { alert: alert.key, status, startsAt: alert.startsAt } as const;
    return endedAt === undefined ? said : { ...said, endsAt: endedAt };
  });
  return { id: `${story}/${part}`, door: '/webhooks/alertmanager', body: JSON.stringify(body), statements };
}

function buildEvent(event: PlannedEvent): Delivery {
  const body = { id: event.id, type: event.type, at: new Date(event.at).toISOString(), labels: event.labels };
  return { id: event.id, door: '/events', body: JSON.stringify(body), statements: [], event: event.id };
}
