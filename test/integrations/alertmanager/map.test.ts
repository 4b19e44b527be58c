import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { AlertsInput } from '../../../src/domain/input.js';
import { alertmanager } from '../../../src/integrations/alertmanager/index.js';
import type { NormalisationSettings, Reading } from '../../../src/ports/source.js';

const NOW = Date.UTC(2026, 10, 22, 3, 0, 0);
const SETTINGS: NormalisationSettings = {
  names: { KubePodNotReady: 'PodNotReady' },
  identityDrop: ['replica', 'prometheus_replica', 'prometheus'],
  exporterJobs: ['kube-state-metrics'],
  serviceLabels: ['service', 'app', 'deployment'],
};
const STORM: unknown = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../fixtures/alertmanager/storm.json'), 'utf8'),
);

function read(body: unknown): Reading {
  return alertmanager.read({ source: 'am', body, receivedAt: NOW, settings: SETTINGS });
}

function readOk(body: unknown): Extract<Reading, { ok: true }> & { readonly alerts: AlertsInput['alerts'] } {
  const reading = read(body);
  if (!reading.ok) throw new Error(reading.problem);
  const [input] = reading.inputs;
  return { ...reading, alerts: input?.kind === 'alerts' ? input.alerts : [] };
}

/** The one alert of a webhook with these parts. */
function one(parts: Record<string, unknown>) {
  const { alerts, marks } = readOk({
    alerts: [{ status: 'firing', labels: { alertname: 'A' }, startsAt: '2026-11-22T02:00:00Z', ...parts }],
  });
  const [alert] = alerts;
  if (alert === undefined) throw new Error('no alert');
  return { alert, marks };
}

describe('a webhook', () => {
  it('becomes one input with everything in one form', () => {
    expect(readOk(STORM)).toMatchObject({
      marks: { url_dropped: 1, starts_at_unknown: 2 },
      retryLane: expect.stringMatching(/^[0-9a-f]{16}$/),
      inputs: [{ kind: 'alerts', source: 'am', truncated: 2 }],
    });
    expect(readOk(STORM).alerts).toEqual([
      {
        fingerprint: 'am:8f4a1c2be05d7793',
        name: 'DatabaseConnectionPoolExhausted',
        labels: {
          alertname: 'DatabaseConnectionPoolExhausted',
          app: 'orders-db',
          cluster: 'eu1',
          instance: '10.2.0.17:9187',
          job: 'postgres',
          namespace: 'shop',
          service: 'orders-db',
          severity: 'CRITICAL',
        },
        annotations: { summary: 'All 200 connections of orders-db are in use' },
        status: 'firing',
        startsAt: Date.UTC(2026, 10, 22, 2, 58, 41, 127),
        severity: 'critical',
        url: 'http://prometheus.eu1.example.org:9090/graph?g0.expr=pg_up&g0.tab=1',
      },
      {
        fingerprint: 'am:17d0c4e99ab3f210',
        name: 'PodNotReady',
        labels: {
          alertname: 'KubePodNotReady',
          cluster: 'eu1',
          deployment: 'checkout',
          namespace: 'shop',
          pod: 'checkout-7c9d-x2',
          service: 'checkout',
          severity: 'warning',
        },
        annotations: {},
        status: 'resolved',
        startsAt: Date.UTC(2026, 10, 22, 2, 40),
        endsAt: Date.UTC(2026, 10, 22, 2, 59, 30, 500),
        severity: 'warning',
      },
      {
        fingerprint: expect.stringMatching(/^am:[0-9a-f]{16}$/),
        name: 'CheckoutLatencyHigh',
        labels: {
          alertname: 'CheckoutLatencyHigh',
          cluster: 'eu1',
          namespace: 'shop',
          service: 'checkout',
          severity: 'page',
        },
        annotations: { summary: 'p99 is 4.2 s' },
        status: 'firing',
        severity: 'page',
      },
      {
        fingerprint: expect.stringMatching(/^am:[0-9a-f]{16}$/),
        name: 'Watchdog',
        labels: { alertname: 'Watchdog' },
        annotations: {},
        status: 'firing',
      },
    ]);
  });

  it('has no lane without a group key, and another lane for another group, receiver or source', () => {
    const lane = (body: object, source = 'am') => {
      const reading = alertmanager.read({ source, body: { alerts: [], ...body }, receivedAt: NOW, settings: SETTINGS });
      return reading.ok ? reading.retryLane : undefined;
    };
    expect(lane({})).toBeUndefined();
    const lanes = [
      lane({ groupKey: 'a' }),
      lane({ groupKey: 'b' }),
      lane({ groupKey: 'a', receiver: 'r' }),
      lane({ groupKey: 'a' }, 'am2'),
    ];
    expect(new Set(lanes).size).toBe(4);
    expect(lane({ groupKey: 'a' })).toBe(lanes[0]);
  });

  it('says how many alerts were left out even when none came along', () => {
    expect(readOk({ alerts: [], truncatedAlerts: 5 }).inputs).toEqual([
      { kind: 'alerts', source: 'am', alerts: [], truncated: 5 },
    ]);
    expect(readOk({ alerts: [] }).inputs).toEqual([]);
    expect(readOk({ alerts: [], truncatedAlerts: 'many' }).marks).toEqual({ truncated_alerts_unreadable: 1 });
  });
});

describe('the fingerprint', () => {
  const print = (labels: Record<string, string>, fingerprint?: string) =>
    one({ labels, fingerprint }).alert.fingerprint;

  it('is one for both replicas of an HA pair, whatever they send', () => {
    const a = print({ alertname: 'A', cluster: 'x', replica: 'a' }, 'fp-a');
    expect(print({ cluster: 'x', replica: 'b', alertname: 'A' }, 'fp-b')).toBe(a);
    expect(print({ alertname: 'A', cluster: 'x' })).toBe(a);
    expect(print({ alertname: 'A', cluster: 'y', replica: 'a' }, 'fp-a')).not.toBe(a);
  });

  it('covers labels that are dropped or cut later', () => {
    const exporter = { alertname: 'A', job: 'kube-state-metrics' };
    expect(print({ ...exporter, instance: '1' })).not.toBe(print({ ...exporter, instance: '2' }));
    const long = 'x'.repeat(3_000);
    expect(print({ alertname: 'A', l: `${long}1` })).not.toBe(print({ alertname: 'A', l: `${long}2` }));
  });

  it('is our own when the given one is empty, null or absurdly long', () => {
    const own = print({ alertname: 'A' });
    expect(own).toMatch(/^am:[0-9a-f]{16}$/);
    expect(print({ alertname: 'A' }, '')).toBe(own);
    expect(print({ alertname: 'A' }, 'f'.repeat(200))).toBe(own);
    expect(one({ fingerprint: null }).alert.fingerprint).toBe(own);
  });
});

describe('times', () => {
  it.each<[unknown, number | undefined]>([
    ['2026-11-22T03:00:00Z', NOW],
    ['2026-11-22T03:00:00.000000001Z', NOW],
    ['2026-11-21T22:00:00.000-05:00', NOW],
    ['2026-11-22t03:00:00z', NOW],
    ['2099-01-01T00:00:00Z', Date.UTC(2099, 0, 1)],
    ['0001-01-01T00:00:00Z', undefined],
    ['1970-01-01T00:00:00Z', undefined],
    ['2026-13-45T99:00:00Z', undefined],
    ['2026-11-22', undefined],
    ['12', undefined],
    ['', undefined],
    [null, undefined],
    [1_700_000_000, undefined],
    [{}, undefined],
  ])('startsAt %p', (startsAt, expected) => {
    const { alert, marks } = one({ startsAt });
    expect(alert.startsAt).toBe(expected);
    expect('startsAt' in alert).toBe(expected !== undefined);
    expect(marks?.starts_at_unknown).toBe(expected === undefined ? 1 : undefined);
  });

  it('counts a start in the future and leaves it to the engine', () => {
    expect(one({ startsAt: '2026-11-22T03:01:00Z' }).marks).toBeUndefined();
    expect(one({ startsAt: '2026-11-22T03:01:01Z' }).marks).toEqual({ starts_in_future: 1 });
  });

  it('keeps an end only of what is resolved', () => {
    const endsAt = '2026-11-22T02:30:00Z';
    expect('endsAt' in one({ endsAt }).alert).toBe(false);
    expect(one({ endsAt, status: 'resolved' }).alert.endsAt).toBe(Date.UTC(2026, 10, 22, 2, 30));
    expect(one({ endsAt: '0001-01-01T00:00:00Z', status: 'resolved' }).marks).toEqual({ ends_at_unknown: 1 });
  });
});

describe('what is too large is cut, not refused', () => {
  it('bounds labels and annotations without halving a character', () => {
    const { alert, marks } = one({
      labels: { alertname: 'A', long: `${'x'.repeat(2_046)}😀😀` },
      annotations: { text: 'y'.repeat(5_000) },
    });
    expect(alert.labels.long).toBe(`${'x'.repeat(2_046)}…`);
    expect(alert.annotations.text).toHaveLength(4_096);
    expect(marks).toEqual({ text_cut: 2 });
  });

  it('keeps 128 labels', () => {
    const labels = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`l${index}`, 'v']));
    const { alert, marks } = one({ labels: { ...labels, alertname: 'A', severity: 'critical' } });
    expect(Object.keys(alert.labels)).toHaveLength(128);
    expect(alert).toMatchObject({ name: 'A', severity: 'critical' });
    expect(marks).toEqual({ too_many_labels: 74 });
  });

  it('names an alert without a name', () => {
    expect(one({ labels: { x: 'y' } })).toMatchObject({ alert: { name: '(unnamed)' }, marks: { unnamed: 1 } });
  });
});

describe('refusals', () => {
  const alert = { status: 'firing', labels: { alertname: 'A' } };
  it.each<[string, unknown, string]>([
    ['text', 'x', ''],
    ['null', null, ''],
    ['a list', [alert], ''],
    ['no alerts', { version: '4' }, 'alerts'],
    ['alerts as object', { alerts: {} }, 'alerts'],
    ['an alert that is null', { alerts: [alert, null] }, 'alerts[1]'],
    ['no status', { alerts: [{ labels: {} }] }, 'alerts[0].status'],
    ['an unknown status', { alerts: [{ ...alert, status: 'suppressed' }] }, 'alerts[0].status'],
    ['no labels', { alerts: [{ status: 'firing' }] }, 'alerts[0].labels'],
    ['labels as list', { alerts: [{ ...alert, labels: [] }] }, 'alerts[0].labels'],
    [
      'a label that is a number',
      { alerts: [alert, alert, alert, { ...alert, labels: { foo: 1 } }] },
      'alerts[3].labels.foo',
    ],
    ['an annotation that is an object', { alerts: [{ ...alert, annotations: { a: {} } }] }, 'alerts[0].annotations.a'],
    ['a fingerprint that is a number', { alerts: [{ ...alert, fingerprint: 1 }] }, 'alerts[0].fingerprint'],
    [
      'a label __proto__',
      { alerts: [JSON.parse('{"status":"firing","labels":{"__proto__":"x"}}')] },
      'alerts[0].labels',
    ],
  ])('%s', (_name, body, path) => {
    expect(read(body)).toMatchObject({
      ok: false,
      path,
      problem: expect.stringMatching(path === '' ? /^the body must/ : /must/),
    });
  });

  it('never throws and never pollutes, whatever comes', () => {
    const alerts = fc.array(
      fc.record({
        status: fc.oneof(fc.constant('firing'), fc.anything()),
        labels: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.anything()),
        startsAt: fc.anything(),
        fingerprint: fc.anything(),
        generatorURL: fc.anything(),
      }),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.record({ alerts, truncatedAlerts: fc.anything(), groupKey: fc.anything() })),
        (body) => {
          const reading = read(body);
          expect(typeof reading.ok).toBe('boolean');
          if (reading.ok) expect(() => JSON.stringify(reading.inputs)).not.toThrow();
        },
      ),
      { numRuns: 500 },
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
