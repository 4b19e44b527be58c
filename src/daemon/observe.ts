/** Writes what is known of this process and of the store into the metrics. */
import type { StoreHealth } from '../ports/store.js';
import type { ProcessMetrics } from '../telemetry/metrics.js';
import type { Prepared } from './prepare.js';
import { programVersion } from './version.js';

export function describeProcess(metrics: ProcessMetrics, prepared: Prepared): void {
  const { config, rules, configHash } = prepared;
  metrics.buildInfo.set({ version: programVersion(), node: process.versions.node }, 1);
  metrics.configInfo.set({ hash: configHash }, 1);
  metrics.rulesLoaded.set(rules.rules.length);
  metrics.rulesInert.set(rules.rules.filter((rule) => rule.inert !== undefined).length);
  metrics.rulesReloadOk.set(1);
  const open = Object.values(config.sources).filter(({ auth }) => auth === undefined || auth === 'none');
  metrics.unauthenticatedSources.set(open.length);
}

export function observeHealth(metrics: ProcessMetrics, health: StoreHealth): void {
  metrics.storeWritable.set(health.writable ? 1 : 0);
  metrics.storeMemory.set(health.usedMemory);
  for (const status of health.partitions) {
    const partition = { partition: String(status.partition) };
    metrics.partitionLag.set(partition, status.appended - status.committed);
    metrics.outboxPending.set(partition, status.outboxPending);
    metrics.deadLettersHeld.set(partition, status.deadLetters);
    if (status.lastProgressAt !== null) {
      metrics.partitionProgressAge.set(partition, Math.max(0, health.now - status.lastProgressAt) / 1000);
    }
  }
}
