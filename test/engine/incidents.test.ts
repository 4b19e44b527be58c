/** From alerts to incidents: what opens, joins, merges, resolves and opens again, and what is told. */
import { describe, expect, it } from '@jest/globals';
import type { ResultInput } from '../../src/domain/input.js';
import { stateStats } from '../../src/engine/index.js';
import { contextOf, EngineRun, EPOCH, firing, HOUR, MINUTE, resolved, rulesOf, SECOND } from '../kit/engine.js';

const POOL = 'PostgresConnectionPoolExhausted';
const CHECKOUT = { service: 'checkout' };

function only<T>(list: readonly T[]): T {
  expect(list).toHaveLength(1);
  return list[0] as T;
}

function cascade(run: EngineRun): void {
  run.alerts(0, firing(POOL, 0, CHECKOUT));
  run.alerts(2 * MINUTE, firing('APILatencyHigh', 2 * MINUTE, CHECKOUT));
  run.alerts(6 * MINUTE, firing('ErrorRateSpike', 6 * MINUTE, CHECKOUT));
}

describe('a completed rule', () => {
  it('upgrades the fallback, pages once and explains itself', () => {
    const run = new EngineRun();
    cascade(run);
    const head = only(run.incidents);
    expect(head).toMatchObject({
      number: 'INC-20260110-001',
      rule: 'database_cascade',
      severity: 'P1',
      severityReason: 'rule database_cascade says P1',
      key: CHECKOUT,
      title: 'database_cascade on service=checkout',
      memberCount: 3,
      firingCount: 3,
      generation: 0,
    });
    expect(only(head.hypotheses)).toMatchObject({ evidenceCount: 3, anchorAt: EPOCH });
    expect(head.hypotheses[0]?.evidence.map(({ name, offset }) => [name, offset])).toEqual([
      [POOL, 0],
      ['APILatencyHigh', 2 * MINUTE],
      ['ErrorRateSpike', 6 * MINUTE],
    ]);
    // six lanes of P1; nothing before, since P3 tells nobody
    expect(run.writings.effects).toHaveLength(6);
    expect(
      head.notifications.map(({ role, channel, dueAt }) => `${role}/${channel} ${(dueAt - EPOCH) / MINUTE}`),
    ).toEqual([
      'engineering/pagerduty 6',
      'engineering/slack 6',
      'eng_lead/slack 11',
      'product/slack 21',
      'executive/email 36',
      'customer_success/slack 36',
    ]);
    expect(run.writings.timelineOf(head.id).map(({ type }) => type)).toEqual([
      'opened',
      'severity',
      'attached',
      'upgraded',
      'severity',
      'planned',
    ]);
    const members = run.writings.membersOf(head.id);
    expect(members.map(({ as, via }) => [as, via])).toEqual(
      Array.from({ length: 3 }, () => ['evidence', 'database_cascade']),
    );
  });

  it('is one incident from the start when all of it comes in one delivery', () => {
    const run = new EngineRun();
    run.alerts(
      6 * MINUTE,
      firing('ErrorRateSpike', 6 * MINUTE, { ...CHECKOUT, cluster: 'eu1' }),
      firing(POOL, 0, CHECKOUT),
      firing('APILatencyHigh', 2 * MINUTE, CHECKOUT),
    );
    expect(only(run.writings.heads())).toMatchObject({ rule: 'database_cascade', severity: 'P1', merged: [] });
  });

  it('lowers what labels said, once, and then only rises', () => {
    const run = new EngineRun();
    const billing = { service: 'billing' };
    'abcdef'.split('').forEach((instance, index) => {
      const at = index * 30 * SECOND;
      run.alerts(at, firing('ExternalAPITimeout', at, { ...billing, instance }, 'critical'));
    });
    expect(only(run.incidents)).toMatchObject({ rule: 'fallback', severity: 'P1' });
    run.alerts(4 * MINUTE, firing('CircuitBreakerOpen', 4 * MINUTE, billing, 'critical'));
    const head = only(run.incidents);
    expect(head).toMatchObject({ rule: 'external_dependency_failure', severity: 'P2' });
    // told when it was P1; of P2 only what P1 did not ask for yet is told again
    expect(run.writings.effects.slice(0, 6).every(({ severity }) => severity === 'P1')).toBe(true);
    // a critical alert that is no evidence counts with its own level
    run.alerts(5 * MINUTE, firing('DiskFull', 5 * MINUTE, billing, 'critical'));
    expect(only(run.incidents).severity).toBe('P1');
    run.alerts(6 * MINUTE, resolved(firing('DiskFull', 5 * MINUTE, billing, 'critical'), 6 * MINUTE));
    expect(only(run.incidents).severity).toBe('P1');
  });

  it('takes later evidence of the same anchor as evidence', () => {
    const run = new EngineRun();
    cascade(run);
    run.alerts(7 * MINUTE, firing('ErrorRateSpike', 7 * MINUTE, { ...CHECKOUT, pod: 'p2' }, 'critical'));
    const head = only(run.incidents);
    expect(head.hypotheses[0]?.evidenceCount).toBe(4);
    expect(run.writings.membersOf(head.id).every(({ as }) => as === 'evidence')).toBe(true);
  });

  it('merges the incidents of its evidence into the oldest and ends the others', () => {
    const run = new EngineRun();
    const node = { cluster: 'eu1', node: 'n7' };
    run.alerts(0, firing('NodeNotReady', 0, node, 'critical'));
    for (const [index, pod] of ['p1', 'p2', 'p3', 'p4'].entries()) {
      const at = (index + 1) * 20 * SECOND;
      run.alerts(at, firing('PodEvicted', at, { ...node, namespace: 'shop', pod }, 'critical'));
    }
    const head = only(run.incidents);
    expect(head).toMatchObject({ rule: 'infrastructure_failure', openedAt: EPOCH, memberCount: 5, key: node });
    const away = only(run.writings.heads().filter(({ status }) => status === 'merged'));
    expect(away.mergedInto).toBe(head.id);
    expect(head.merged).toEqual([away.id]);
    const resolves = run.writings.effects.filter(({ action }) => action === 'resolve');
    expect(new Set(resolves.map(({ incident }) => incident))).toEqual(new Set([away.id]));
    expect(run.writings.membersOf(head.id)).toHaveLength(5);
    // later evictions of the namespace go where it went
    run.alerts(3 * MINUTE, firing('PodCrashLooping', 3 * MINUTE, { cluster: 'eu1', namespace: 'shop' }));
    expect(only(run.incidents).memberCount).toBe(6);
  });

  it('does not come from history: evidence that ended long ago opens nothing', () => {
    const run = new EngineRun();
    const [pool, latency, errors] = [
      firing(POOL, 0, CHECKOUT),
      firing('APILatencyHigh', MINUTE, CHECKOUT),
      firing('ErrorRateSpike', 2 * MINUTE, CHECKOUT),
    ];
    run.alerts(
      60 * MINUTE,
      pool,
      latency,
      errors,
      resolved(pool, 5 * MINUTE),
      resolved(latency, 5 * MINUTE),
      resolved(errors, 5 * MINUTE),
    );
    expect(run.writings.heads()).toEqual([]);
    expect(stateStats(run.state).series).toBe(3);
  });

  it('needs as many episodes as it has steps of one name', () => {
    const rules = rulesOf(`correlation_rules:
  - name: twice
    pattern: [{alert: X}, {alert: X, within: 5m, id: again}]
    classification: P2`);
    const run = new EngineRun(contextOf(rules));
    run.alerts(0, firing('X', 0, { ...CHECKOUT, pod: 'a' }));
    expect(only(run.incidents).rule).toBe('fallback');
    run.alerts(MINUTE, firing('X', MINUTE, { ...CHECKOUT, pod: 'b' }));
    expect(only(run.incidents)).toMatchObject({ rule: 'twice', severity: 'P2' });
  });

  it('with classification auto takes the worst level of its evidence', () => {
    const rules = rulesOf('correlation_rules: [{name: pair, pattern: [{alert: X}, {alert: Y, within: 5m}]}]');
    const run = new EngineRun(contextOf(rules));
    run.alerts(0, firing('X', 0, CHECKOUT, 'info'));
    run.alerts(MINUTE, firing('Y', MINUTE, CHECKOUT, 'high'));
    expect(only(run.incidents)).toMatchObject({ rule: 'pair', severity: 'P2' });
  });

  it('that is switched off does not match', () => {
    const rules = rulesOf('correlation_rules: [{name: off, enabled: false, pattern: [{alert: X}]}]');
    const run = new EngineRun(contextOf(rules));
    run.alerts(0, firing('X', 0, CHECKOUT));
    expect(only(run.incidents).rule).toBe('fallback');
  });
});

describe('the window', () => {
  it.each([
    ['exactly at its end', 5 * MINUTE, 'database_cascade'],
    ['a millisecond later', 5 * MINUTE + 1, 'fallback'],
    ['exactly at its beginning', -5 * MINUTE, 'database_cascade'],
  ])('is inclusive: %s', (_title, latency, rule) => {
    const run = new EngineRun();
    run.alerts(10 * MINUTE, firing(POOL, 0, CHECKOUT));
    run.alerts(10 * MINUTE, firing('ErrorRateSpike', MINUTE, CHECKOUT));
    run.alerts(10 * MINUTE, firing('APILatencyHigh', latency, CHECKOUT));
    expect(only(run.incidents).rule).toBe(rule);
  });

  it.each([
    ['not at all', {}, { service: 'checkout' }, false],
    ['by service', { service: 'checkout' }, { service: 'checkout', cluster: 'eu1' }, true],
    ['by cluster, one without service', { cluster: 'eu1', service: 'checkout' }, { cluster: 'eu1' }, true],
    ['not across clusters', { cluster: 'eu1', service: 'checkout' }, { cluster: 'us1', service: 'checkout' }, false],
    ['not across environments', { env: 'prod', service: 'checkout' }, { env: 'test', service: 'checkout' }, false],
    ['not by region alone', { region: 'eu', service: 'checkout' }, { region: 'eu', cluster: 'eu1' }, false],
    ['both unscoped', {}, {}, true],
    ['both unscoped, one region', { region: 'eu' }, { region: 'eu' }, true],
  ])('joins %s', (_title, anchor, step, joins) => {
    const rules = rulesOf('correlation_rules: [{name: pair, pattern: [{alert: X}, {alert: Y, within: 5m}]}]');
    for (const order of [0, 1]) {
      const run = new EngineRun(contextOf(rules));
      const alerts = [firing('X', 0, anchor), firing('Y', 0, step)];
      for (const alert of order === 0 ? alerts : alerts.reverse()) run.alerts(0, alert);
      expect(run.incidents.some(({ rule }) => rule === 'pair')).toBe(joins);
    }
  });
});

describe('life', () => {
  it('resolves five minutes after the last member ended, tells those who were told, and forgets', () => {
    const run = new EngineRun();
    const alert = firing('DiskFull', 0, CHECKOUT, 'critical');
    run.alerts(0, alert);
    run.alerts(10 * MINUTE, resolved(alert, 9 * MINUTE));
    expect(run.wakeAt).toBe(EPOCH + 14 * MINUTE);
    run.tick(14 * MINUTE - 1);
    expect(only(run.incidents).status).toBe('open');
    run.tick(14 * MINUTE);
    const head = only(run.incidents);
    expect(head).toMatchObject({ status: 'resolved', resolvedAt: EPOCH + 14 * MINUTE, firingCount: 0 });
    const resolves = run.writings.effects.filter(({ action }) => action === 'resolve');
    expect(resolves.map(({ role, channel }) => `${role}/${channel}`)).toEqual([
      'engineering/pagerduty',
      'engineering/slack',
      'eng_lead/slack',
    ]);
    // kept while notifications are on their way, forgotten when they have an outcome
    run.tick(2 * HOUR);
    expect(run.writings.live.has(head.id)).toBe(true);
    for (const { effect, dueAt } of head.notifications) {
      const outcome = dueAt <= (head.resolvedAt ?? 0) ? 'sent' : 'skipped';
      run.apply([{ at: 2 * HOUR, input: resultOf(head.id, effect, outcome) }]);
    }
    run.tick(3 * HOUR);
    expect(run.writings.live.has(head.id)).toBe(false);
    expect(stateStats(run.state)).toMatchObject({ incidents: 0, series: 0 });
  });

  it('tells the end to those who were told after it, because the entry that ended it was applied late', () => {
    const run = new EngineRun();
    const alert = firing('DiskFull', 0, CHECKOUT, 'critical');
    run.alerts(0, alert);
    run.alerts(MINUTE, resolved(alert, MINUTE));
    run.tick(6 * MINUTE);
    const { id, notifications } = only(run.incidents);
    const late = notifications.find(({ role }) => role === 'product')?.effect ?? '';
    const resolvesOf = (role: string): number =>
      run.writings.effects.filter((effect) => effect.action === 'resolve' && effect.role === role).length;
    expect(resolvesOf('product')).toBe(0);
    run.apply([{ at: 16 * MINUTE, input: resultOf(id, late) }]);
    expect(resolvesOf('product')).toBe(1);
    const skipped = notifications.find(({ role }) => role === 'executive')?.effect ?? '';
    run.apply([{ at: 31 * MINUTE, input: resultOf(id, skipped, 'skipped') }]);
    expect(resolvesOf('executive')).toBe(0);
  });

  it('opens again with a new generation, and pages again', () => {
    const run = new EngineRun();
    const alert = firing('DiskFull', 0, CHECKOUT, 'critical');
    run.alerts(0, alert);
    run.alerts(MINUTE, resolved(alert, MINUTE));
    run.tick(10 * MINUTE);
    const before = run.writings.effects.length;
    run.alerts(20 * MINUTE, firing('DiskFull', 20 * MINUTE, CHECKOUT, 'critical'));
    const head = only(run.incidents);
    expect(head).toMatchObject({ status: 'open', generation: 1, reopened: 1, memberCount: 2, firingCount: 1 });
    expect(head.resolvedAt).toBeUndefined();
    expect(run.writings.effects.slice(before).map(({ generation, action }) => [generation, action])).toEqual(
      Array.from({ length: 6 }, () => [1, 'trigger']),
    );
  });

  it('is a new incident when the alert comes back later than that', () => {
    const run = new EngineRun();
    const alert = firing('DiskFull', 0, CHECKOUT);
    run.alerts(0, alert);
    run.alerts(MINUTE, resolved(alert, MINUTE));
    run.alerts(40 * MINUTE, firing('DiskFull', 40 * MINUTE, CHECKOUT));
    expect(run.incidents.map(({ status }) => status)).toEqual(['resolved', 'open']);
  });

  it('takes an end back when the sender goes on saying firing', () => {
    const run = new EngineRun();
    const alert = firing('DiskFull', 0, CHECKOUT);
    run.alerts(0, alert);
    run.alerts(3 * MINUTE, resolved(alert, 3 * MINUTE));
    run.alerts(6 * MINUTE, alert);
    run.tick(HOUR);
    expect(only(run.incidents)).toMatchObject({ status: 'open', reopened: 0, firingCount: 1, memberCount: 1 });
  });

  it('ends what nobody spoke of for eight hours, and takes that back too', () => {
    const run = new EngineRun();
    const alert = firing('DiskFull', 0, CHECKOUT);
    run.alerts(0, alert);
    run.tick(8 * HOUR);
    expect(only(run.incidents).status).toBe('open');
    run.tick(9 * HOUR);
    const head = only(run.incidents);
    expect(head.status).toBe('resolved');
    expect(run.writings.membersOf(head.id)).toMatchObject([{ endsAt: EPOCH, endKind: 'stale' }]);
    run.alerts(9 * HOUR, alert);
    expect(run.incidents.filter(({ status }) => status === 'open')).toHaveLength(1);
  });

  it('does not open anything for the end of an alert that was never seen', () => {
    const run = new EngineRun();
    run.alerts(5 * MINUTE, resolved(firing('DiskFull', 0, CHECKOUT, 'critical'), 4 * MINUTE));
    expect(run.writings.heads()).toEqual([]);
  });

  it('takes further alerts of the key only while there is activity', () => {
    const run = new EngineRun();
    run.alerts(0, firing('A', 0, CHECKOUT));
    run.alerts(2 * HOUR, firing('B', 2 * HOUR, CHECKOUT));
    run.alerts(4 * HOUR + 1, firing('C', 4 * HOUR + 1, CHECKOUT));
    expect(run.incidents.map(({ alertNames }) => alertNames)).toEqual([{ A: 1, B: 1 }, { C: 1 }]);
  });

  it('keeps the worst severity of an alert whose label changes', () => {
    const run = new EngineRun();
    run.alerts(0, firing('A', 0, CHECKOUT, 'info'));
    run.alerts(MINUTE, { ...firing('A', 0, CHECKOUT), severity: 'critical' });
    run.alerts(2 * MINUTE, { ...firing('A', 0, CHECKOUT), severity: 'info' });
    expect(only(run.incidents).severity).toBe('P1');
  });
});

function resultOf(incident: string, effect: string, outcome: ResultInput['outcome'] = 'sent'): ResultInput {
  return { kind: 'result', effect, incident, outcome, reason: 'HTTP 202', attempts: 1, ref: { ts: '1' } };
}
