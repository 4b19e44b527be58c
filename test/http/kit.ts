/** A server with ports that live in memory, for the tests of the doors. */
import type { FastifyInstance } from 'fastify';

import { readConfig } from '../../src/config/load.js';
import { buildServer, type HealthSnapshot, type HttpDeps } from '../../src/http/server.js';
import { SOURCES } from '../../src/integrations/sources.js';
import type { AppendDraft, AppendReceipt, PartitionStatus, QuarantineItem } from '../../src/ports/store.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { renderMetrics, snapshotMetrics } from '../../src/telemetry/exposition.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';

export const NOW = Date.UTC(2026, 10, 22, 3, 0, 0);

export interface Bench {
  readonly app: FastifyInstance;
  readonly metrics: Metrics;
  /** Everything that was appended. */
  readonly drafts: AppendDraft[];
  readonly quarantined: Omit<QuarantineItem, 'id' | 'receivedAt'>[];
  readonly logLines: string[];
  /** Replaces a port for the rest of the test. */
  readonly ports: { -readonly [Key in keyof HttpDeps]: HttpDeps[Key] };
}

export interface BenchOptions {
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly deps?: Partial<HttpDeps>;
}

export function configOf(yaml: string, env: Readonly<Record<string, string>> = {}) {
  const loaded = readConfig(yaml, 'test.yaml', { env, base: '/' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

export function partitionStatus(status: Partial<PartitionStatus> = {}): PartitionStatus {
  return {
    partition: 0,
    appended: 0,
    committed: 0,
    owner: 'replica-1',
    fence: 1,
    lastProgressAt: NOW,
    outboxPending: 0,
    deadLetters: 0,
    ...status,
  };
}

export function healthy(store: Partial<HealthSnapshot['store']> = {}, at = NOW): HealthSnapshot {
  return {
    at,
    store: { writable: true, usedMemory: 0, maxMemory: 0, now: NOW, partitions: [partitionStatus()], ...store },
  };
}

export function createBench(options: BenchOptions = {}): Bench {
  const drafts: AppendDraft[] = [];
  const quarantined: Omit<QuarantineItem, 'id' | 'receivedAt'>[] = [];
  const logLines: string[] = [];
  const metrics = createMetrics();
  const ports: HttpDeps = {
    config: configOf(options.yaml ?? '', options.env),
    sources: SOURCES,
    log: {
      append: (given) =>
        Promise.resolve(
          given.map((draft): AppendReceipt => {
            drafts.push(draft);
            return { id: `${NOW}-${drafts.length}`, absorbed: false, lag: 0 };
          }),
        ),
    },
    quarantine: {
      put: (item) => Promise.resolve(void quarantined.push(item)),
      list: (limit) =>
        Promise.resolve(
          quarantined.slice(0, limit).map((item, index) => ({ ...item, id: `${index}-0`, receivedAt: NOW })),
        ),
    },
    incidents: { list: () => Promise.resolve([]), get: () => Promise.resolve(null) },
    deadLetters: { list: () => Promise.resolve([]), redrive: () => Promise.resolve(null) },
    health: () => healthy(),
    status: () => ({
      version: '0.0.0-test',
      replica: 'replica-1',
      roles: ['intake'],
      startedAt: NOW,
      configHash: 'abc',
      rules: { loaded: 0, inert: [], problems: [] },
    }),
    reload: () => Promise.resolve([]),
    stopping: () => false,
    metrics: metrics.door,
    metricsText: async () => renderMetrics([await snapshotMetrics(metrics.registry)]),
    logger: createLogger({
      level: 'debug',
      format: 'json',
      destination: { write: (line) => void logLines.push(line) },
    }),
    clock: { now: () => NOW },
    intake: true,
    ...options.deps,
  };
  // the server reads its ports at each call, so that a test can replace one
  const live = new Proxy(ports, {});
  return { app: buildServer(live), metrics, drafts, quarantined, logLines, ports };
}

export interface AlertParts {
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** A webhook as Alertmanager sends it. */
export function webhook(alerts: readonly AlertParts[] = [{}], parts: Readonly<Record<string, unknown>> = {}) {
  return {
    version: '4',
    groupKey: '{}:{alertname="CheckoutErrors"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'tocsin',
    groupLabels: { alertname: 'CheckoutErrors' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager.example.org:9093',
    alerts: alerts.map(({ labels, ...rest }, index) => ({
      status: 'firing',
      labels: {
        alertname: 'CheckoutErrors',
        severity: 'critical',
        cluster: 'eu1',
        pod: `checkout-${index}`,
        ...labels,
      },
      annotations: { summary: 'Checkout answers with errors' },
      startsAt: '2026-11-22T02:58:00.123456789Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus.example.org:9090/graph?g0.expr=up&g0.tab=1',
      fingerprint: `00000000000000${(16 + index).toString(16)}`,
      ...rest,
    })),
    ...parts,
  };
}
