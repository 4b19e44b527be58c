/** The worker role: the sinks and the BullMQ workers that deliver effects. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/load.js';
import { buildSinks, type SinksConfig } from '../integrations/sinks.js';
import type { Outbox } from '../ports/store.js';
import type { WorkerEvent } from '../queue/events.js';
import { startWorkers } from '../queue/worker.js';
import { connectionOptions } from '../store/connect.js';
import type { Logger } from '../telemetry/logger.js';
import type { WorkerMetrics } from '../telemetry/metrics.js';

export interface WorkerRoleOptions {
  readonly config: Config;
  readonly queueUrl: string;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
}

export interface WorkerRole {
  close(graceMs: number): Promise<void>;
}

export function startWorkerRole(options: WorkerRoleOptions): WorkerRole {
  const { config, metrics } = options;
  const logger = options.logger.child({ component: 'worker' });
  const sinks = buildSinks(sinksConfigOf(config), { logger });
  const workers = startWorkers({
    connection: connectionOptions(options.queueUrl),
    prefix: config.redis.prefix,
    outbox: options.outbox,
    sinks,
    externalUrl: config.http.external_url,
    settings: {
      concurrency: config.workers.concurrency,
      claimTtlMs: config.workers.claim_ttl,
      retry: { firstMs: config.workers.retry.first, maxMs: config.workers.retry.max },
    },
    logger,
    onEvent: (event) => count(metrics, event),
  });
  return {
    async close(graceMs) {
      await workers.close(graceMs);
      for (const sink of sinks.values()) await sink.close?.();
    },
  };
}

function sinksConfigOf({ sinks: { pagerduty, slack } }: Config): SinksConfig {
  return {
    ...(pagerduty === undefined
      ? {}
      : {
          pagerduty: {
            routingKeys: pagerduty.routing_keys,
            ...(pagerduty.server === undefined ? {} : { server: pagerduty.server }),
            ...(pagerduty.ca_file === undefined ? {} : { ca: readFileSync(pagerduty.ca_file, 'utf8') }),
          },
        }),
    ...(slack === undefined
      ? {}
      : {
          slack: {
            token: slack.token,
            channels: slack.channels,
            ...(slack.api_url === undefined ? {} : { apiUrl: slack.api_url }),
          },
        }),
  };
}

function count(metrics: WorkerMetrics, event: WorkerEvent): void {
  if (event.type === 'settled') {
    const { sink } = event.effect;
    metrics.notifications.inc({ sink, outcome: event.outcome });
    if (event.outcome !== 'sent') return;
    metrics.attempts.inc({ sink, result: 'ok' });
    metrics.deliverySeconds.observe({ sink }, event.tookMs / 1000);
    metrics.notificationLatency.observe({ sink }, Math.max(0, event.lateMs + event.tookMs) / 1000);
  }
  if (event.type === 'retry') metrics.attempts.inc({ sink: event.effect.sink, result: event.reason });
}
