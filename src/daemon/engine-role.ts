/** The engine role: one owner for each partition, their outbox pump and their BullMQ producer. Runs in the engine thread, or inline in tests. */
import { Registry } from 'prom-client';
import type { CompiledRules } from '../rules/index.js';
import type { Config } from '../config/load.js';
import { engineConfigOf } from '../config/engine-config.js';
import { createRelay } from '../queue/relay.js';
import { connectionOptions } from '../store/connect.js';
import { openStore } from '../store/store.js';
import type { PartitionStore } from '../ports/store.js';
import { createLogger } from '../telemetry/logger.js';
import { snapshotMetrics, type MetricsSnapshot } from '../telemetry/exposition.js';
import { createEngineMetrics } from '../telemetry/metrics.js';
import type { CurrentEntry } from './current-entry.js';
import { OutboxPump } from './outbox-pump.js';
import { startOwner } from './owner.js';
import { sinkNames } from './sink-names.js';
import { storeOptionsOf } from './store-options.js';

export interface EngineRoleOptions {
  readonly config: Config;
  readonly rules: CompiledRules;
  /** Where Redis is; the supervisor knows it, since the embedded server's socket is not in the configuration. */
  readonly redisUrl: string;
  /** Where the queue is. */
  readonly queueUrl: string;
  readonly replica: string;
  readonly current: CurrentEntry;
  readonly suspect?: { readonly partition: number; readonly entry: string };
  /** For tests: a Redis key that holds the time instead of Redis's own clock. */
  readonly clockKey?: string;
  /** For the proof's controls: puts something else in the place of the store's own transitions. */
  readonly wrapPartitionStore?: (store: PartitionStore, redisUrl: string) => PartitionStore;
}

export interface EngineRole {
  metricsSnapshot(): Promise<MetricsSnapshot>;
  stop(): Promise<void>;
}

export async function startEngineRole(options: EngineRoleOptions): Promise<EngineRole> {
  const { config, redisUrl } = options;
  const logger = createLogger(config.log).child({ component: 'engine', replica: options.replica });
  const registry = new Registry();
  const metrics = createEngineMetrics(registry);
  const store = await openStore({
    ...storeOptionsOf(config, redisUrl),
    ...(options.clockKey === undefined ? {} : { clockKey: options.clockKey }),
    onConflict: (partition, why) => logger.error({ partition, why }, 'commit conflict'),
  });
  const relay = createRelay({
    connection: connectionOptions(options.queueUrl),
    prefix: config.redis.prefix,
    sinks: sinkNames(config),
    onError: (error) => logger.warn({ err: error }, 'queue connection failed, reconnecting'),
  });
  const held = { count: 0 };
  const owners = Array.from({ length: config.partitions.count }, (_, index) => {
    const own = store.partition(index);
    return startOwner({
      store: options.wrapPartitionStore?.(own, redisUrl) ?? own,
      context: {
        rules: options.rules,
        config: engineConfigOf(config),
        partition: { index, count: config.partitions.count },
      },
      settings: {
        replica: options.replica,
        leaseTtlMs: config.engine.lease_ttl,
        batch: config.engine.batch,
        retentionMs: config.retention.log,
      },
      pump: new OutboxPump(relay, config.workers.visibility, logger),
      logger,
      metrics,
      current: options.current,
      ...(options.suspect === undefined ? {} : { suspect: options.suspect }),
      held,
    });
  });
  return {
    metricsSnapshot: () => snapshotMetrics(registry),
    async stop() {
      await Promise.all(owners.map((owner) => owner.stop()));
      await relay.close();
      await store.close();
    },
  };
}
