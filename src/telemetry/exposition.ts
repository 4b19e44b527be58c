/** /metrics over several threads: each sends a snapshot of its registry, the text shows their sum. */
import {
  AggregatorRegistry,
  type MetricObject,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';

/** Plain data: it passes through postMessage. */
export type MetricsSnapshot = MetricObjectWithValues<MetricValue<string>>[];

export async function snapshotMetrics(registry: Registry): Promise<MetricsSnapshot> {
  return registry.getMetricsAsJSON();
}

/** The exposition text of the snapshots together; the same metric in two snapshots is summed. */
export async function renderMetrics(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  // its declaration forgets that each process sends a list
  const merged = AggregatorRegistry.aggregate(snapshots as unknown as MetricObject[]);
  return merged.metrics();
}
