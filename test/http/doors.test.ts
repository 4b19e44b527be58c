/** The API and the probes. */
import { afterEach, describe, expect, it } from '@jest/globals';

import { StoreError } from '../../src/errors.js';
import type { IncidentQuery } from '../../src/ports/store.js';
import { createProgressWatch } from '../../src/http/readiness.js';
import { type Bench, type BenchOptions, createBench, healthy, NOW, partitionStatus } from './kit.js';

let bench: Bench;
afterEach(() => bench.app.close());

function open(options: BenchOptions = {}): void {
  bench = createBench(options);
}
const get = (url: string, headers: Record<string, string> = {}) => bench.app.inject({ method: 'GET', url, headers });

describe('incidents', () => {
  it('passes status and limit on and wraps the list', async () => {
    const asked: IncidentQuery[] = [];
    open({
      deps: {
        incidents: { list: (query) => (asked.push(query), Promise.resolve([])), get: () => Promise.resolve(null) },
      },
    });
    expect((await get('/api/v1/incidents')).json()).toEqual({ items: [] });
    await get('/api/v1/incidents?status=open&limit=5');
    expect(asked).toEqual([{ limit: 100 }, { status: 'open', limit: 5 }]);
  });

  it.each(['status=closed', 'limit=0', 'limit=1001', 'limit=x', 'sort=age'])('refuses ?%s', async (query) => {
    open();
    const answer = await get(`/api/v1/incidents?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_BAD_QUERY' });
  });

  it('finds one by id or number and answers 404 for others', async () => {
    const detail = { incident: { number: 'INC-20261122-001' }, members: [], timeline: [] };
    const find = (id: string) => Promise.resolve((id === 'INC-20261122-001' ? detail : null) as never);
    open({ deps: { incidents: { list: () => Promise.resolve([]), get: find } } });
    const answer = await get('/api/v1/incidents/INC-20261122-001');
    expect(answer.json()).toEqual(detail);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect((await get('/api/v1/incidents/INC-1')).json()).toMatchObject({ code: 'TOCSIN_NOT_FOUND', status: 404 });
  });

  it('answers 503 while the store cannot be read', async () => {
    const fail = () => Promise.reject(new StoreError('connection lost'));
    open({ deps: { incidents: { list: fail, get: fail } } });
    expect((await get('/api/v1/incidents')).statusCode).toBe(503);
  });
});

describe('dead letters', () => {
  it('re-drives one, and says when that was done before', async () => {
    let earlier = false;
    const redrive = (id: string) => Promise.resolve(id === '7-0' ? { entry: '9-0', already: earlier } : null);
    open({ deps: { deadLetters: { list: () => Promise.resolve([]), redrive } } });
    const post = (id: string) => bench.app.inject({ method: 'POST', url: `/api/v1/dead-letters/${id}/redrive` });
    expect((await post('7-0')).json()).toEqual({ entry: '9-0', already: false });
    earlier = true;
    expect((await post('7-0')).json()).toEqual({ entry: '9-0', already: true });
    expect((await post('8-0')).statusCode).toBe(404);
    expect((await get('/api/v1/dead-letters/7-0/redrive')).statusCode).toBe(405);
    expect((await get('/api/v1/dead-letters')).json()).toEqual({ items: [] });
  });
});

describe('API tokens', () => {
  it('asks for one of them when there are any, except for probes', async () => {
    open({ yaml: 'api: {tokens: [{env: A}]}', env: { A: 'api-token-0123456789' } });
    for (const path of ['incidents', 'incidents/x', 'quarantine', 'dead-letters', 'status']) {
      expect((await get(`/api/v1/${path}`)).statusCode).toBe(401);
    }
    expect((await get('/api/v1/incidents', { authorization: 'Bearer api-token-0123456789' })).statusCode).toBe(200);
    expect((await get('/healthz')).statusCode).toBe(200);
    expect((await get('/readyz')).statusCode).toBe(200);
    expect((await get('/metrics')).statusCode).toBe(200);
  });
});

describe('status', () => {
  it('tells what is open and how the store stands', async () => {
    open();
    expect((await get('/api/v1/status')).json()).toMatchObject({
      version: '0.0.0-test',
      unauthenticatedSources: ['alertmanager', 'events'],
      apiUnauthenticated: true,
      durability: 'strict',
      store: { writable: true, partitions: [{ partition: 0 }] },
      sources: [
        { name: 'alertmanager', type: 'alertmanager' },
        { name: 'events', type: 'events' },
      ],
    });
  });
});

describe('probes', () => {
  it('is alive whatever the store does, and ready only while it works', async () => {
    open();
    expect((await get('/readyz')).json()).toMatchObject({ ready: true });
    bench.ports.health = () => healthy({ writable: false, problem: 'MISCONF' }, NOW + 1);
    const answer = await get('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({
      ready: false,
      checks: [{ name: 'store', ok: false, detail: 'MISCONF' }, { ok: true }],
    });
    expect((await get('/readyz?verbose')).body).toBe(
      '[-]store MISCONF\n[+]partition-0 owned by replica-1, 0 entries wait\nreadyz check failed\n',
    );
    expect((await get('/healthz')).statusCode).toBe(200);
  });

  it('is not ready while stopping', async () => {
    open({ deps: { stopping: () => true } });
    expect((await get('/readyz')).statusCode).toBe(503);
    expect((await get('/healthz')).statusCode).toBe(200);
  });

  it('shows the metrics of all threads as text', async () => {
    open();
    const answer = await get('/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).toContain('# TYPE tocsin_alerts_received_total counter');
  });

  it('answers unknown addresses and wrong methods as problems', async () => {
    open();
    expect((await get('/api/v1/nothing')).json()).toMatchObject({ code: 'TOCSIN_NOT_FOUND', status: 404 });
    const answer = await bench.app.inject({ method: 'DELETE', url: '/api/v1/incidents/x' });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
  });
});

describe('progress', () => {
  const TTL = 10_000;
  const look = (at: number, status: Parameters<typeof partitionStatus>[0]) =>
    healthy({ now: at, partitions: [partitionStatus({ lastProgressAt: at, ...status })] }, at);
  const failing = (checks: readonly { ok: boolean; detail: string }[]) =>
    checks.filter((check) => !check.ok).map((check) => check.detail);

  it('fails before the first look, and when looks stop', () => {
    open();
    const watch = createProgressWatch(TTL);
    expect(failing(watch.checks(NOW))).toEqual(['not looked at yet']);
    watch.note(look(NOW, {}));
    expect(failing(watch.checks(NOW + 9_000))).toEqual([]);
    expect(failing(watch.checks(NOW + 11_000))).toEqual(['last looked at 11 s ago']);
  });

  it('fails for a partition without an owner for more than two leases', () => {
    open();
    const watch = createProgressWatch(TTL);
    watch.note(look(NOW, { lastProgressAt: NOW - 20_000 }));
    expect(failing(watch.checks(NOW))).toEqual([]);
    watch.note(look(NOW + 1, { lastProgressAt: NOW - 20_000 }));
    expect(failing(watch.checks(NOW + 1))).toEqual(['no owner for 20 s']);
    watch.note(look(NOW + 2, { lastProgressAt: null }));
    expect(failing(watch.checks(NOW + 2))).toEqual(['never had an owner']);
  });

  it('fails when entries wait and the cursor stands still, though the lease is renewed', () => {
    open();
    const watch = createProgressWatch(TTL);
    watch.note(look(NOW, { appended: 5, committed: 3 }));
    watch.note(look(NOW + 20_000, { appended: 9, committed: 3 }));
    expect(failing(watch.checks(NOW + 20_000))).toEqual([]);
    watch.note(look(NOW + 21_000, { appended: 9, committed: 3 }));
    expect(failing(watch.checks(NOW + 21_000))).toEqual(['6 entries wait, none committed for 21 s']);
    watch.note(look(NOW + 22_000, { appended: 9, committed: 4 }));
    expect(failing(watch.checks(NOW + 22_000))).toEqual([]);
  });
});
