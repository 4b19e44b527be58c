/** The built daemon as a user runs it: its own process, its own Redis, real HTTP. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { prepareDaemon, webhook, type TestDaemon, type TestDaemonOptions } from '../kit/daemon.js';
import { startRedis, type TestRedis } from '../kit/redis.js';

const open: { remove(): Promise<void> }[] = [];

async function daemonWith(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const daemon = await prepareDaemon(options);
  open.push(daemon);
  return daemon;
}

async function redisWith(extra: readonly string[] = []): Promise<TestRedis> {
  const redis = await startRedis({ appendfsync: 'always', extra: ['--maxmemory-policy', 'noeviction', ...extra] });
  open.push({ remove: () => redis.stop() });
  return redis;
}

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.remove();
});

const cascade = webhook([
  { name: 'PostgresConnectionPoolExhausted', labels: { service: 'checkout' }, startsAt: Date.now() - 120_000 },
  { name: 'APILatencyHigh', labels: { service: 'checkout' }, startsAt: Date.now() - 60_000 },
  { name: 'ErrorRateSpike', labels: { service: 'checkout' } },
]);

describe('tocsin serve', () => {
  it('turns a cascade into one classified incident, sends what is due and schedules the rest', async () => {
    const daemon = await daemonWith();
    await daemon.start();
    expect((await daemon.post('/webhooks/alertmanager', cascade)).status).toBe(202);
    await daemon.until('told', async () =>
      (await daemon.incidents()).some(({ notifications }) => notifications.some(({ status }) => status === 'sent')),
    );
    const [incident, ...others] = await daemon.incidents();
    expect(others).toEqual([]);
    expect(incident).toMatchObject({
      rule: 'database_cascade',
      severity: 'P1',
      status: 'open',
      key: { service: 'checkout' },
      hint: 'database_connection_exhaustion',
      runbook: 'runbook-db-connection-pool',
      memberCount: 3,
    });
    expect(incident?.number).toMatch(/^INC-\d{8}-001$/);
    const planned = (incident?.notifications ?? []).map(({ role, channel, status }) => `${role} ${channel} ${status}`);
    expect(planned).toContain('eng_lead slack scheduled');
    expect(planned).toContain('executive email scheduled');
    const detail = await daemon.incident(incident?.number ?? '');
    expect(detail.members.map(({ name }) => name).sort()).toEqual([
      'APILatencyHigh',
      'ErrorRateSpike',
      'PostgresConnectionPoolExhausted',
    ]);
    expect(detail.timeline.map(({ type }) => type)).toEqual(expect.arrayContaining(['opened', 'planned', 'notified']));
  });

  it('keeps everything over kill -9, and does nothing twice', async () => {
    const daemon = await daemonWith({ config: { engine: { lease_ttl: '1s' } } });
    await daemon.start();
    await daemon.post(
      '/webhooks/alertmanager',
      webhook([{ name: 'DiskFull', labels: { service: 'a', severity: 'critical' } }]),
    );
    await daemon.signal('SIGKILL');
    await daemon.start();
    await daemon.until('told', async () =>
      (await daemon.incidents()).some(({ notifications }) => notifications.some(({ status }) => status === 'sent')),
    );
    await daemon.post(
      '/webhooks/alertmanager',
      webhook([{ name: 'DiskFull', labels: { service: 'b', severity: 'critical' } }]),
    );
    await daemon.until('both there', async () => (await daemon.incidents()).length === 2);
    const numbers = (await daemon.incidents()).map(({ number }) => number.slice(-3)).sort();
    expect(numbers).toEqual(['001', '002']);
  });

  it('stops within 10 s and with 0 at SIGTERM, and takes its Redis along', async () => {
    const daemon = await daemonWith();
    await daemon.start();
    await daemon.post('/webhooks/alertmanager', cascade);
    const { code, tookMs } = await daemon.signal('SIGTERM');
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(10_000);
    await expect(daemon.get('/healthz')).rejects.toThrow();
  });

  it('starts while Redis is down, refuses with 503, says so, and works when Redis comes', async () => {
    const redis = await redisWith();
    await redis.kill('SIGKILL');
    const daemon = await daemonWith({ config: { redis: { url: redis.socketPath } } });
    await daemon.launch();
    await daemon.until('alive', async () => (await daemon.get('/healthz')).status === 200);
    expect((await daemon.get('/readyz')).status).toBe(503);
    const refused = await daemon.post('/webhooks/alertmanager', cascade);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ status: 503, code: expect.stringMatching(/^TOCSIN_/) });
    await redis.restart();
    await daemon.until('ready', async () => (await daemon.get('/readyz')).status === 200);
    expect((await daemon.post('/webhooks/alertmanager', cascade)).status).toBe(202);
  });

  it('refuses while Redis is down later, loses nothing, and still stops in time', async () => {
    const redis = await redisWith();
    const daemon = await daemonWith({ config: { redis: { url: redis.socketPath }, engine: { lease_ttl: '1s' } } });
    await daemon.start();
    expect((await daemon.post('/webhooks/alertmanager', cascade)).status).toBe(202);
    await redis.kill('SIGKILL');
    await daemon.until('not ready', async () => (await daemon.get('/readyz')).status === 503);
    expect((await daemon.post('/webhooks/alertmanager', webhook([{ name: 'Later' }]))).status).toBe(503);
    await redis.restart();
    await daemon.until('told', async () => (await daemon.incidents()).some(({ rule }) => rule === 'database_cascade'));
    await redis.kill('SIGKILL');
    const { tookMs } = await daemon.signal('SIGTERM');
    expect(tookMs).toBeLessThan(10_000);
  });

  it('refuses a Redis that may lose what it accepted, naming each setting and the way out', async () => {
    const redis = await redisWith(['--appendfsync', 'everysec', '--maxmemory-policy', 'allkeys-lru']);
    const daemon = await daemonWith({ config: { redis: { url: redis.socketPath } } });
    const child = await daemon.launch();
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(1);
    expect(daemon.output).toMatch(/appendfsync/);
    expect(daemon.output).toMatch(/maxmemory-policy/);
    expect(daemon.output).toMatch(/accept-loss/);

    const tolerant = await daemonWith({ config: { redis: { url: redis.socketPath, durability: 'accept-loss' } } });
    await tolerant.start();
    expect(await (await tolerant.get('/metrics')).text()).toMatch(/^tocsin_redis_unsafe 1$/m);
  });

  it('accepts nothing more when the settings of Redis are weakened while it runs', async () => {
    const redis = await redisWith();
    const daemon = await daemonWith({ config: { redis: { url: redis.socketPath } } });
    await daemon.start();
    const admin = new Redis(redis.socketPath);
    await admin.config('SET', 'appendfsync', 'everysec');
    await daemon.until('not ready', async () => (await daemon.get('/readyz')).status === 503);
    expect((await daemon.post('/webhooks/alertmanager', cascade)).status).toBe(503);
    expect(await (await daemon.get('/readyz?verbose')).text()).toMatch(/appendfsync/);
    await admin.config('SET', 'appendfsync', 'always');
    await daemon.until('ready', async () => (await daemon.get('/readyz')).status === 200);
    admin.disconnect();
  });

  it('answers 503 while Redis is out of memory or read-only, and goes on afterwards', async () => {
    const redis = await redisWith();
    const daemon = await daemonWith({ config: { redis: { url: redis.socketPath } } });
    await daemon.start();
    const admin = new Redis(redis.socketPath);
    const some = (name: string): Promise<Response> => daemon.post('/webhooks/alertmanager', webhook([{ name }]));
    await admin.config('SET', 'maxmemory', '1mb');
    expect((await some('WhileFull')).status).toBe(503);
    await admin.config('SET', 'maxmemory', '0');
    await daemon.until('accepting', async () => (await some('AfterFull')).status === 202);
    await admin.replicaof('127.0.0.1', 1);
    await daemon.until('refusing', async () => (await some('WhileReadOnly')).status === 503);
    await admin.replicaof('NO', 'ONE');
    await daemon.until('accepting again', async () => (await some('AfterReadOnly')).status === 202);
    admin.disconnect();
  });

  it('moves an entry that it cannot read to the dead letters, goes on, and pages about itself', async () => {
    const redis = await redisWith();
    const daemon = await daemonWith({ config: { redis: { url: redis.socketPath } } });
    await daemon.start();
    const admin = new Redis(redis.socketPath);
    const seq = await admin.incr('tocsin:{p0}:seq');
    await admin.xadd('tocsin:{p0}:in', '*', 'q', String(seq), 'b', JSON.stringify({ v: 99, kind: 'alerts' }));
    await daemon.post('/webhooks/alertmanager', webhook([{ name: 'AfterPoison', labels: { service: 'x' } }]));
    await daemon.until('past the poison', async () => (await daemon.incidents()).length === 2);
    const names = (await daemon.incidents()).flatMap(({ alertNames }) => Object.keys(alertNames)).sort();
    expect(names).toEqual(['AfterPoison', 'TocsinPoisonEntry']);
    const { items } = (await (await daemon.get('/api/v1/dead-letters')).json()) as {
      items: { id: string; attempts: number; error: string }[];
    };
    expect(items).toHaveLength(1);
    expect(items[0]?.attempts).toBe(3);
    expect(items[0]?.error).toMatch(/failed 3 times: entry has version 99/);
    admin.disconnect();
  });

  it('keeps the old rules when a rule file gets an error, names the place, and takes the mended file', async () => {
    const daemon = await daemonWith();
    const rules = join(daemon.dir, 'rules.yaml');
    const good =
      'correlation_rules:\n  - name: pair\n    pattern:\n      - alert: A\n      - alert: B\n        within: 5m\n    classification: P1\n';
    writeFileSync(rules, good);
    writeFileSync(
      daemon.configPath,
      readFileSync(daemon.configPath, 'utf8').replace(/- .*default\.yaml/, `- ${rules}`),
    );
    await daemon.start();
    writeFileSync(rules, good.replace('alert: B', 'alert: B\n        count: >5'));
    daemon.process?.kill('SIGHUP');
    await daemon.until('refused', async () => {
      const status = (await (await daemon.get('/api/v1/status')).json()) as { rules: { problems: string[] } };
      return status.rules.problems.some((problem) => /rules\.yaml:6:\d+.*E-COUNT-EMPTY/.test(problem));
    });
    await daemon.post(
      '/webhooks/alertmanager',
      webhook([
        { name: 'A', labels: { service: 's' } },
        { name: 'B', labels: { service: 's' } },
      ]),
    );
    await daemon.until('matched by the old rules', async () =>
      (await daemon.incidents()).some(({ rule }) => rule === 'pair'),
    );
    writeFileSync(rules, good.replace('name: pair', 'name: couple'));
    daemon.process?.kill('SIGHUP');
    await daemon.until('reloaded', async () => /rules reloaded/.test(daemon.output));
    await daemon.post(
      '/webhooks/alertmanager',
      webhook([
        { name: 'A', labels: { service: 't' } },
        { name: 'B', labels: { service: 't' } },
      ]),
    );
    await daemon.until('matched by the new rules', async () =>
      (await daemon.incidents()).some(({ rule }) => rule === 'couple'),
    );
  });
});
