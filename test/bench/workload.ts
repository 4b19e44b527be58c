/**
 * The alerts that are sent, in both envelopes: Alertmanager's webhook v4 (to the daemon and to the JSON-only route) and its
 * own API v2 (to Alertmanager). Both carry the same alerts, ten a body unless said otherwise, one service a body, as
 * Alertmanager groups them.
 */
import { createHash } from 'node:crypto';

export interface Workload {
  readonly envelope: 'webhook' | 'api-v2';
  /** Different alerting series. */
  readonly distinct: number;
  readonly services: number;
  readonly perBody: number;
  /** Prefix of the service names, so that two workloads on one server do not mix. */
  readonly prefix: string;
  /** RFC 3339; the same for all alerts, so that a repeated series is the same episode. */
  readonly startsAt: string;
  /** Word of the severity label of all alerts; default: a mix of mostly warnings, one critical a service. */
  readonly severity?: string;
}

const NAMES = [
  'HighRequestLatency',
  'HighErrorRate',
  'CPUThrottlingHigh',
  'PodCrashLooping',
  'PodNotReady',
  'DiskSpaceLow',
  'QueueBacklogGrowing',
  'CertificateExpiresSoon',
  'ReplicaCountMismatch',
  'CacheHitRateLow',
];
/** Every tenth service lives through a cascade that a shipped rule explains; the others have alerts that no rule names. */
const CASCADE = ['PostgresConnectionPoolExhausted', 'APILatencyHigh', 'ErrorRateSpike'];

interface SampleAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly generatorURL: string;
}

export function serviceName(workload: Pick<Workload, 'prefix'>, service: number): string {
  return `${workload.prefix}-${service}-svc`;
}

function severityOf(slot: number): string {
  if (slot === 0) return 'critical';
  return slot % 4 === 3 ? 'info' : 'warning';
}

function alertOf(workload: Workload, service: number, slot: number): SampleAlert {
  const cascade = service % 10 === 0 ? CASCADE[slot] : undefined;
  const alertname = cascade ?? NAMES[slot % NAMES.length] ?? 'HighErrorRate';
  const name = serviceName(workload, service);
  return {
    labels: {
      alertname,
      cluster: 'eu1',
      env: 'production',
      namespace: `team-${service % 25}`,
      pod: `${name}-7d9f8b6c54-${slot}`,
      region: 'eu-central',
      service: name,
      severity: workload.severity ?? severityOf(slot),
    },
    annotations: {
      description: `${alertname} on pod ${slot} of ${name} for more than five minutes; users may see errors.`,
      runbook_url: `https://runbooks.example.com/${alertname}`,
      summary: `${alertname} (${name})`,
    },
    startsAt: workload.startsAt,
    generatorURL: `http://prometheus.example.com:9090/graph?g0.expr=${alertname}&g0.tab=1`,
  };
}

/** 16 hex digits that identify the label set, in the place of Alertmanager's own hash. */
function fingerprint(alert: SampleAlert): string {
  return createHash('sha256').update(JSON.stringify(alert.labels)).digest('hex').slice(0, 16);
}

function webhookBody(service: string, alerts: readonly SampleAlert[]): string {
  return JSON.stringify({
    receiver: 'tocsin',
    status: 'firing',
    alerts: alerts.map((alert) => ({
      status: 'firing',
      ...alert,
      endsAt: '0001-01-01T00:00:00Z',
      fingerprint: fingerprint(alert),
    })),
    groupLabels: { service },
    commonLabels: { cluster: 'eu1', env: 'production', region: 'eu-central', service },
    commonAnnotations: {},
    externalURL: 'http://alertmanager.example.com:9093',
    version: '4',
    groupKey: `{}:{service="${service}"}`,
    truncatedAlerts: 0,
  });
}

/** How many different bodies one pass over all series needs. */
export function bodiesPerPass(workload: Workload): number {
  return Math.ceil(workload.distinct / workload.perBody);
}

/** Body number `index` of a pass: neighbours belong to different services, as in a real storm. */
export function bodyOf(workload: Workload, index: number): string {
  const service = index % workload.services;
  const first = Math.floor(index / workload.services) * workload.perBody;
  const alerts = Array.from({ length: workload.perBody }, (_, at) => alertOf(workload, service, first + at));
  return workload.envelope === 'webhook' ? webhookBody(serviceName(workload, service), alerts) : JSON.stringify(alerts);
}
