import { afterEach, describe, expect, it } from '@jest/globals';

import { StoreError } from '../../src/errors.js';
import type { AlertsInput } from '../../src/domain/input.js';
import { type Bench, type BenchOptions, createBench, healthy, NOW, partitionStatus, webhook } from './kit.js';

const BEARER = `sources: {alertmanager: {type: alertmanager, auth: {bearer: [{env: OLD}, {env: NEW}]}}, events: {type: events, auth: {basic: [{username: ci, password: {env: NEW}}]}}}`;
const SECRETS = { OLD: 'old-token-0123456789', NEW: 'new-token-0123456789' };

let bench: Bench;

function open(options: BenchOptions = {}): Bench {
  bench = createBench(options);
  return bench;
}

afterEach(() => bench.app.close());

function post(body: unknown, headers: Record<string, string> = {}, url = '/webhooks/alertmanager') {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return bench.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  });
}

async function metric(line: string): Promise<boolean> {
  return (await bench.ports.metricsText()).split('\n').includes(line);
}

describe('what is accepted', () => {
  it('answers 202 with the ids of the entries once they are appended', async () => {
    open();
    const answer = await post(webhook([{}, { status: 'resolved', endsAt: '2026-11-22T02:59:00Z' }]));
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ accepted: 2, entries: [`${NOW}-1`] });
    expect(bench.drafts).toHaveLength(1);
    expect(bench.drafts[0]).toMatchObject({
      partition: 0,
      retryLane: expect.stringMatching(/^[0-9a-f]{16}$/),
      digest: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(await metric('tocsin_alerts_received_total{source="alertmanager",status="firing"} 1')).toBe(true);
    expect(await metric('tocsin_alerts_received_total{source="alertmanager",status="resolved"} 1')).toBe(true);
    expect(await metric('tocsin_requests_total{source="alertmanager",code="202"} 1')).toBe(true);
  });

  it('answers only after the append has resolved', async () => {
    let settle: (() => void) | undefined;
    const appended = new Promise<void>((resolve) => (settle = resolve));
    open({ deps: { log: { append: async () => (await appended, [{ id: '1-1', absorbed: false, lag: 0 }]) } } });
    let answered = false;
    const pending = post(webhook()).then((answer) => ((answered = true), answer));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    settle?.();
    expect((await pending).statusCode).toBe(202);
  });

  it('takes 10,000 alerts in one webhook', async () => {
    open();
    const answer = await post(webhook(Array.from({ length: 10_000 }, (_, index) => ({ fingerprint: `fp${index}` }))));
    expect(answer.json()).toMatchObject({ accepted: 10_000 });
    expect((bench.drafts[0]?.input as AlertsInput).alerts).toHaveLength(10_000);
  });

  it('accepts an empty list of alerts without an entry', async () => {
    open();
    const answer = await post(webhook([]));
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ accepted: 0, entries: [] });
    expect(bench.drafts).toHaveLength(0);
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
    'application/json; charset="utf-8"',
  ])('reads content-type %s', async (type) => {
    open();
    expect((await post(webhook(), { 'content-type': type })).statusCode).toBe(202);
  });

  it('writes one entry a partition, by the first configured label', async () => {
    open({ yaml: 'partitions: {count: 4, by: [tenant, cluster]}' });
    const clusters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const answer = await post(
      webhook(clusters.flatMap((cluster) => [{ labels: { cluster } }, { labels: { cluster } }])),
    );
    expect(answer.json()).toMatchObject({ accepted: 16 });
    const partitions = bench.drafts.map((draft) => draft.partition);
    expect(new Set(partitions).size).toBe(partitions.length);
    expect(partitions.length).toBeGreaterThan(1);
    for (const { input } of bench.drafts) {
      const alerts = (input as AlertsInput).alerts;
      const seen = clusters.filter((cluster) => alerts.some((alert) => alert.labels.cluster === cluster));
      // both alerts of a cluster are in the same entry
      expect(alerts).toHaveLength(seen.length * 2);
    }
  });

  it('takes change events at /events and at the webhook of that source', async () => {
    open();
    const event = { type: 'deployment_completed', labels: { service: 'checkout' }, at: '2026-11-22T02:50:00Z' };
    expect((await post(event, {}, '/events')).json()).toMatchObject({ accepted: 1 });
    expect((await post([event, event], {}, '/webhooks/events')).json()).toMatchObject({ accepted: 2 });
    expect(bench.drafts.map((draft) => draft.input.kind)).toEqual(['event', 'event', 'event']);
  });
});

describe('credentials', () => {
  it.each([
    ['no header', undefined],
    ['a wrong token', 'Bearer wrong-token-0123456789'],
    ['one character more', `Bearer ${SECRETS.NEW}x`],
    ['an empty token', 'Bearer '],
    ['the wrong scheme', `Basic ${Buffer.from(`ci:${SECRETS.NEW}`).toString('base64')}`],
  ])('refuses %s with 401 and keeps nothing', async (_name, authorization) => {
    open({ yaml: BEARER, env: SECRETS });
    const answer = await post('not json', authorization === undefined ? {} : { authorization });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="tocsin"');
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_UNAUTHENTICATED', status: 401, instance: expect.any(String) });
    expect(bench.quarantined).toEqual([]);
  });

  it('accepts both live tokens and basic credentials', async () => {
    open({ yaml: BEARER, env: SECRETS });
    for (const token of Object.values(SECRETS)) {
      expect((await post(webhook(), { authorization: `Bearer ${token}` })).statusCode).toBe(202);
    }
    const basic = `Basic ${Buffer.from(`ci:${SECRETS.NEW}`).toString('base64')}`;
    expect(
      (await post({ type: 'deployment_completed', labels: {} }, { authorization: basic }, '/events')).statusCode,
    ).toBe(202);
    const wrong = `Basic ${Buffer.from(`ci:${SECRETS.OLD}`).toString('base64')}`;
    expect(
      (await post({ type: 'deployment_completed', labels: {} }, { authorization: wrong }, '/events')).statusCode,
    ).toBe(401);
  });

  it('never writes a credential into the log', async () => {
    open({ yaml: BEARER, env: SECRETS });
    await post('{', { authorization: `Bearer ${SECRETS.NEW}` });
    expect(bench.logLines.length).toBeGreaterThan(0);
    expect(bench.logLines.join()).not.toContain(SECRETS.NEW);
  });
});

describe('bodies that cannot be used', () => {
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const cases: readonly [string, string | Buffer, number, string, Record<string, string>?][] = [
    ['nothing', '', 400, 'TOCSIN_BODY_NOT_JSON'],
    ['no JSON', '{"alerts": [', 400, 'TOCSIN_BODY_NOT_JSON'],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 400, 'TOCSIN_BODY_NOT_JSON'],
    ['33 levels', deep(33), 400, 'TOCSIN_BODY_TOO_DEEP'],
    ['100,000 levels', deep(100_000), 400, 'TOCSIN_BODY_TOO_DEEP'],
    ['__proto__', '{"alerts": [], "x": {"__proto__": {"a": 1}}}', 400, 'TOCSIN_BODY_FORBIDDEN_KEY'],
    ['an escaped __proto__', '{"alerts": [], "\\u005f_proto__": {"a": 1}}', 400, 'TOCSIN_BODY_FORBIDDEN_KEY'],
    ['constructor.prototype', '{"constructor": {"prototype": {}}}', 400, 'TOCSIN_BODY_FORBIDDEN_KEY'],
    ['the wrong shape', '[1]', 422, 'TOCSIN_BODY_INVALID'],
    ['text', 'hello', 415, 'TOCSIN_UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'text/plain' }],
    ['a form', 'a=b', 415, 'TOCSIN_UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/x-www-form-urlencoded' }],
    [
      'JSON in Latin-1',
      '{}',
      415,
      'TOCSIN_UNSUPPORTED_MEDIA_TYPE',
      { 'content-type': 'application/json; charset=latin1' },
    ],
    ['compressed', 'xx', 415, 'TOCSIN_UNSUPPORTED_MEDIA_TYPE', { 'content-encoding': 'gzip' }],
  ];

  it.each(cases)('%s', async (...row) => {
    const [, body, status, code, headers] = row;
    open();
    const answer = await post(body, headers);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json()).toMatchObject({
      type: 'about:blank',
      code,
      status,
      detail: expect.any(String),
      title: expect.any(String),
    });
    expect(bench.quarantined).toMatchObject([{ source: 'alertmanager', code, bytes: body.length }]);
    expect(bench.drafts).toEqual([]);
    expect(await metric(`tocsin_quarantined_total{code="${code}"} 1`)).toBe(true);
  });

  it('allows 32 levels', async () => {
    open();
    const nested = JSON.parse(deep(30)) as unknown;
    expect((await post(webhook([], { extra: nested }))).statusCode).toBe(202);
  });

  it('does not count brackets inside of strings', async () => {
    open();
    expect((await post(webhook([{ annotations: { summary: `\\"${'['.repeat(500)}` } }]))).statusCode).toBe(202);
  });

  it('names the path of the first fault', async () => {
    open();
    const answer = await post(webhook([{}, {}, {}, { labels: { foo: 7 } }]));
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      path: 'alerts[3].labels.foo',
      detail: 'alerts[3].labels.foo must be a string',
    });
  });

  it('refuses more than the limit and keeps the first 64 KiB', async () => {
    open({ yaml: 'http: {limits: {body: 128KiB}}' });
    const answer = await post(`"${'x'.repeat(200 * 1024)}"`);
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_BODY_TOO_LARGE' });
    expect(bench.quarantined[0]).toMatchObject({ code: 'TOCSIN_BODY_TOO_LARGE', bytes: 200 * 1024 + 2 });
    expect(bench.quarantined[0]?.body).toHaveLength(64 * 1024);
  });

  it('keeps bytes that are no text as base64, and text cut between characters', async () => {
    open();
    await post(Buffer.from([0xff, 0x00, 0x80]));
    await post(`${'é'.repeat(40_000)}`);
    expect(bench.quarantined[0]).toMatchObject({ encoding: 'base64', body: '/wCA' });
    expect(bench.quarantined[1]).toMatchObject({ encoding: 'utf8', body: 'é'.repeat(32_768) });
    await post(`x${'é'.repeat(40_000)}`);
    expect(bench.quarantined[2]).toMatchObject({ encoding: 'utf8', body: `x${'é'.repeat(32_767)}` });
  });

  it('answers the same when the quarantine fails', async () => {
    const put = () => Promise.reject(new StoreError('gone'));
    open({ deps: { quarantine: { put, list: () => Promise.resolve([]) } } });
    expect((await post('{')).statusCode).toBe(400);
    expect(await metric('tocsin_quarantine_failed_total 1')).toBe(true);
  });
});

describe('when it cannot be stored', () => {
  it('answers 503 with Retry-After when the append fails, and keeps nothing in the quarantine', async () => {
    open({
      deps: {
        log: { append: () => Promise.reject(new StoreError('READONLY You can not write against a read only replica')) },
      },
    });
    const answer = await post(webhook());
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_STORE_UNAVAILABLE' });
    expect(bench.quarantined).toEqual([]);
  });

  it('refuses at once while the store is known to take no writes', async () => {
    open({ deps: { health: () => healthy({ writable: false, problem: 'OOM' }) } });
    const answer = await post(webhook());
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_STORE_UNAVAILABLE', detail: expect.stringContaining('OOM') });
    expect(bench.drafts).toEqual([]);
  });

  it('refuses while stopping', async () => {
    open({ deps: { stopping: () => true } });
    const answer = await post(webhook());
    expect(answer.statusCode).toBe(503);
    expect(answer.headers.connection).toBe('close');
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_SHUTTING_DOWN' });
  });

  it('does not show internals when something unexpected throws', async () => {
    open({ deps: { log: { append: () => Promise.reject(new Error('secret internals')) } } });
    const answer = await post(webhook());
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret internals');
    expect(bench.logLines.join()).toContain('secret internals');
  });
});

describe('under pressure', () => {
  const behind = (lag: number) => healthy({ partitions: [partitionStatus({ appended: lag, committed: 0 })] }, NOW + 1);

  it('refuses all but critical alerts beyond the lag, then everything; never with 429', async () => {
    let lag = 20_001;
    open({ deps: { health: () => behind(lag) } });
    expect((await post(webhook([{ labels: { severity: 'warning' } }]))).statusCode).toBe(503);
    expect((await post(webhook([{ labels: { severity: 'warning' } }, {}]))).statusCode).toBe(202);
    lag = 30_000;
    const answer = await post(webhook());
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_OVERLOADED' });
    expect(await metric('tocsin_requests_shed_total{reason="lag"} 2')).toBe(true);
  });

  it('learns of the lag from its own appends', async () => {
    let lag = 50_000;
    open({ deps: { log: { append: () => Promise.resolve([{ id: '1-1', absorbed: false, lag }]) } } });
    expect((await post(webhook())).statusCode).toBe(202);
    expect((await post(webhook())).statusCode).toBe(503);
    lag = 0;
  });

  it('refuses beyond 2,000 requests in flight and takes them again when one is done', async () => {
    const held: (() => void)[] = [];
    const append = () => new Promise<never>((_resolve, reject) => held.push(() => reject(new StoreError('later'))));
    open({ yaml: 'http: {limits: {in_flight: 10}}', deps: { log: { append } } });
    await bench.app.ready();
    const first = Array.from({ length: 11 }, () => post(webhook()));
    while (held.length < 11) await new Promise((resolve) => setImmediate(resolve));
    const refused = await post(webhook());
    expect(refused.json()).toMatchObject({ code: 'TOCSIN_OVERLOADED' });
    held.splice(0).forEach((release) => release());
    for (const answer of await Promise.all(first))
      expect(answer.json()).toMatchObject({ code: 'TOCSIN_STORE_UNAVAILABLE' });
    const later = post(webhook());
    while (held.length < 1) await new Promise((resolve) => setImmediate(resolve));
    held[0]?.();
    expect((await later).json()).toMatchObject({ code: 'TOCSIN_STORE_UNAVAILABLE' });
  });
});

describe('addresses and methods', () => {
  it('answers 404 for a source that is not configured, naming those that are', async () => {
    open();
    const answer = await post(webhook(), {}, '/webhooks/nagios');
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({
      code: 'TOCSIN_UNKNOWN_SOURCE',
      detail: expect.stringContaining('alertmanager, events'),
    });
    expect((await post(webhook(), {}, '/webhooks/__proto__')).statusCode).toBe(404);
    expect((await post(webhook(), {}, '/webhooks/%E0%A4%A')).json()).toMatchObject({ code: 'TOCSIN_BAD_REQUEST' });
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'] as const)('answers %s with 405 and Allow', async (method) => {
    open();
    const answer = await bench.app.inject({ method, url: '/webhooks/alertmanager' });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe('POST');
    expect(answer.json()).toMatchObject({ code: 'TOCSIN_METHOD_NOT_ALLOWED' });
  });

  it('has no intake on a replica without that role', async () => {
    open({ deps: { intake: false } });
    expect((await post(webhook())).statusCode).toBe(404);
    expect((await bench.app.inject('/healthz')).statusCode).toBe(200);
  });
});
