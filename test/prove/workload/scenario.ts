/**
 * What the senders say in one run, and what must come of it.
 *
 * A scenario is the story of one service that nobody else shares, so its outcome can be written down by hand from the
 * rule file and the documentation: this folder imports nothing of src/, or the oracle would only compare the engine
 * with itself.
 */
import type { Random } from '../random.js';

export type Severity = 'P1' | 'P2' | 'P3' | 'P4';

export interface PlannedAlert {
  /** Unique in the run; sent as the label `proof_alert`, by which the oracle finds the alert again. */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly startsAt: number;
}

export interface PlannedEvent {
  readonly id: string;
  readonly type: string;
  readonly at: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Scenario {
  readonly id: string;
  readonly kind: string;
  readonly alerts: readonly PlannedAlert[];
  readonly event?: PlannedEvent;
  readonly expected: {
    readonly rule: string;
    readonly severity: Severity;
    /** What the incident may be called before the last piece of evidence arrives, in any order of arrival. */
    readonly interim: readonly Severity[];
  };
  /** Whether all its alerts are resolved later in the run. */
  readonly resolves: boolean;
}

interface Draft {
  readonly alerts: readonly { name: string; severity: string; startsAt: number; labels?: Record<string, string> }[];
  readonly event?: { type: string; at: number };
  readonly scope?: Record<string, string>;
  readonly expected: Scenario['expected'];
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const UNEXPLAINED = ['DiskAlmostFull', 'CertificateExpiresSoon', 'QueueBacklog', 'ReplicaLag', 'CheckoutFailing'];

type Kind = (random: Random, now: number, id: string) => Draft;

function seconds(random: Random, from: number, to: number): number {
  return random.integer(from * SECOND, to * SECOND);
}

/** No rule: one fallback incident, as bad as its worst alert. */
function unexplainedCritical(random: Random, now: number): Draft {
  const count = random.integer(1, 8);
  const alerts = Array.from({ length: count }, (_, index) => ({
    name: random.pick(UNEXPLAINED),
    severity: index === 0 || random.chance(0.7) ? 'critical' : 'warning',
    startsAt: now - seconds(random, 1, 50),
  }));
  return { alerts, expected: { rule: 'fallback', severity: 'P1', interim: ['P3'] } };
}

/** P3 tells nobody: any notification about it is wrong. */
function unexplainedWarning(random: Random, now: number): Draft {
  const alerts = Array.from({ length: random.integer(1, 3) }, () => ({
    name: random.pick(UNEXPLAINED),
    severity: 'warning',
    startsAt: now - seconds(random, 1, 50),
  }));
  return { alerts, expected: { rule: 'fallback', severity: 'P3', interim: [] } };
}

/** Pool, then latency within 5 min, then errors within 10 min of the pool. */
function databaseCascade(random: Random, now: number): Draft {
  const pool = now - seconds(random, 200, 400);
  const early = random.chance(0.3);
  const severity = early ? 'high' : 'warning';
  return {
    alerts: [
      { name: 'PostgresConnectionPoolExhausted', severity, startsAt: pool },
      { name: 'APILatencyHigh', severity: 'warning', startsAt: pool + seconds(random, 0, 180) },
      { name: 'ErrorRateSpike', severity: 'warning', startsAt: pool + seconds(random, 0, 195) },
    ],
    expected: { rule: 'database_cascade', severity: 'P1', interim: early ? ['P2', 'P3'] : ['P3'] },
  };
}

/** The same three, but the latency starts 6 to 8 min after the pool: the rule must not match. */
function cascadeTooLate(random: Random, now: number): Draft {
  const pool = now - 9 * MINUTE;
  return {
    alerts: [
      { name: 'PostgresConnectionPoolExhausted', severity: 'warning', startsAt: pool },
      { name: 'APILatencyHigh', severity: 'warning', startsAt: pool + seconds(random, 360, 480) },
      { name: 'ErrorRateSpike', severity: 'warning', startsAt: pool + seconds(random, 10, 480) },
    ],
    expected: { rule: 'fallback', severity: 'P3', interim: [] },
  };
}

/** A deployment, then errors within 15 min. */
function badDeployment(random: Random, now: number): Draft {
  const at = now - seconds(random, 120, 300);
  const count = random.integer(1, 3);
  const errors = Array.from({ length: count }, () => ({
    name: 'ErrorRateSpike',
    severity: 'warning',
    startsAt: at + seconds(random, 5, 110),
  }));
  return {
    alerts: errors,
    event: { type: 'deployment_completed', at },
    expected: { rule: 'post_deployment_issues', severity: 'P1', interim: ['P3'] },
  };
}

/** More than five time-outs within 5 min and an open breaker within 2 min of them: P2, although each one is critical. */
function externalDependency(random: Random, now: number): Draft {
  const first = now - seconds(random, 60, 120);
  const severity = random.chance(0.4) ? 'critical' : 'warning';
  const timeouts = Array.from({ length: 6 }, (_, index) => ({
    name: 'ExternalAPITimeout',
    severity,
    startsAt: first + index * 5 * SECOND,
  }));
  const breaker = { name: 'CircuitBreakerOpen', severity: 'warning', startsAt: first + 30 * SECOND };
  return {
    alerts: [...timeouts, breaker],
    expected: {
      rule: 'external_dependency_failure',
      severity: 'P2',
      interim: severity === 'critical' ? ['P1', 'P3'] : ['P3'],
    },
  };
}

/** A node goes away and its pods are evicted: opens apart (node alert without namespace) and is merged by the rule. */
function nodeFailure(random: Random, now: number, id: string): Draft {
  const at = now - seconds(random, 150, 250);
  const node = `node-${id}`;
  const evicted = Array.from({ length: random.integer(4, 6) }, (_, index) => ({
    name: 'PodEvicted',
    severity: 'warning',
    startsAt: at + seconds(random, -60, 120),
    labels: { node, namespace: 'shop', pod: `pod-${index}` },
  }));
  return {
    alerts: [{ name: 'NodeNotReady', severity: 'warning', startsAt: at, labels: { node } }, ...evicted],
    // without a service, only a cluster of its own keeps it apart from other scenarios
    scope: { cluster: `cluster-${id}` },
    expected: { rule: 'infrastructure_failure', severity: 'P1', interim: ['P3'] },
  };
}

const KINDS: readonly (readonly [string, number, Kind])[] = [
  ['unexplained-critical', 0.3, unexplainedCritical],
  ['unexplained-warning', 0.12, unexplainedWarning],
  ['database-cascade', 0.18, databaseCascade],
  ['cascade-too-late', 0.08, cascadeTooLate],
  ['bad-deployment', 0.14, badDeployment],
  ['external-dependency', 0.1, externalDependency],
  ['node-failure', 0.08, nodeFailure],
];

export const SCENARIO_KINDS: readonly string[] = KINDS.map(([kind]) => kind);

/** Draws one scenario. `now` in ms; all its alerts began within the last ten minutes. */
export function drawScenario(random: Random, id: string, now: number): Scenario {
  let draw = random.next();
  const chosen = KINDS.find(([, weight]) => (draw -= weight) < 0);
  if (chosen === undefined) throw new Error('the weights of the kinds of scenario must add up to 1');
  const [kind, , build] = chosen;
  const draft = build(random, now, id);
  const scope = draft.scope ?? {
    cluster: `eu-${random.integer(1, 7)}`,
    namespace: 'shop',
    service: `service-${id}`,
  };
  const alerts = draft.alerts.map((alert, index): PlannedAlert => {
    const key = `${id}-${index}`;
    const labels = { ...scope, ...alert.labels, alertname: alert.name, severity: alert.severity, proof_alert: key };
    return { key, labels, startsAt: alert.startsAt };
  });
  const event = draft.event && { id: `deploy-${id}`, ...draft.event, labels: { ...scope, version: `v${id}` } };
  return {
    id,
    kind,
    alerts,
    ...(event === undefined ? {} : { event }),
    expected: draft.expected,
    resolves: random.chance(0.4),
  };
}
