import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';

import { renderMetrics, snapshotMetrics } from '../../src/telemetry/exposition.js';
import { createEngineMetrics, createMetrics } from '../../src/telemetry/metrics.js';

describe('the catalogue', () => {
  it('follows the naming conventions', async () => {
    for (const metric of await createMetrics().registry.getMetricsAsJSON()) {
      expect(metric.name).toMatch(/^tocsin_[a-z_]+$/);
      expect(metric.help).toMatch(/\.$/);
      expect(String(metric.type) === 'counter').toBe(metric.name.endsWith('_total'));
      if (String(metric.type) === 'histogram') expect(metric.name).toMatch(/_seconds$|_entries$/);
    }
  });

  it('is listed in docs/api.md, whole and with nothing else', async () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/api.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `(tocsin_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
    const registered = (await createMetrics().registry.getMetricsAsJSON()).map(
      (metric) => `${metric.name} ${metric.type}`,
    );
    expect(listed.sort()).toEqual(registered.sort());
  });

  it('keeps instances apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.engine.fenced.inc();
    expect(await one.registry.metrics()).toContain('tocsin_fenced_total 1');
    expect(await other.registry.metrics()).toContain('tocsin_fenced_total 0');
  });
});

describe('several threads', () => {
  it('are shown together after a snapshot passed between them', async () => {
    const main = createMetrics();
    main.door.alertsReceived.inc({ source: 'am', status: 'firing' }, 7);
    main.engine.entriesApplied.inc(1);
    const thread = new Registry();
    const engine = createEngineMetrics(thread);
    engine.entriesApplied.inc(4);
    engine.leaseHeld.set({ partition: '0' }, 1);
    engine.commitSeconds.observe(0.003);
    const text = await renderMetrics([
      await snapshotMetrics(main.registry),
      structuredClone(await snapshotMetrics(thread)),
    ]);
    const lines = text.split('\n');
    expect(lines).toContain('tocsin_alerts_received_total{source="am",status="firing"} 7');
    expect(lines).toContain('tocsin_entries_applied_total 5');
    expect(lines).toContain('tocsin_lease_held{partition="0"} 1');
    expect(lines).toContain('tocsin_commit_duration_seconds_bucket{le="0.005"} 1');
    expect(lines).toContain('tocsin_commit_duration_seconds_bucket{le="0.0025"} 0');
    expect(lines).toContain('tocsin_commit_duration_seconds_count 1');
  });
});
