/** The other inputs and the odd ones: times that are none, results, ourselves, numbers, changed rules. */
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

describe('odd times', () => {
  it.each([
    ['year 1', Date.parse('0001-01-01T00:00:00Z'), 0],
    ['1999', Date.UTC(1999, 0), 0],
    ['not a number', Number.NaN, 0],
    ['2099', Date.UTC(2099, 0), 1],
    ['an hour beyond the skew', EPOCH + HOUR, 1],
  ])('startsAt in %s means arrival, also when repeated', (_title, startsAt, clamped) => {
    const run = new EngineRun();
    const alert = { ...firing('A', 0, CHECKOUT), startsAt };
    run.alerts(0, alert);
    run.alerts(3 * SECOND, alert);
    run.alerts(3 * MINUTE, { ...alert, startsAt: Number.NaN });
    const head = only(run.incidents);
    expect(head).toMatchObject({ memberCount: 1, startedAt: EPOCH });
    expect(stateStats(run.state).clamped).toBe(2 * clamped);
  });

  it('an end before the start is an empty episode', () => {
    const run = new EngineRun();
    const alert = firing('A', 0, CHECKOUT);
    run.alerts(0, alert);
    run.alerts(MINUTE, resolved(alert, -HOUR));
    const [member] = run.writings.membersOf(only(run.incidents).id);
    expect(member).toMatchObject({ startsAt: EPOCH, endsAt: EPOCH });
  });
});

function resultOf(incident: string, effect: string, outcome: ResultInput['outcome'] = 'sent'): ResultInput {
  return { kind: 'result', effect, incident, outcome, reason: 'HTTP 202', attempts: 1, ref: { ts: '1' } };
}

describe('results', () => {
  it('are noted on the incident and its timeline', () => {
    const run = new EngineRun();
    run.alerts(0, firing('A', 0, CHECKOUT, 'critical'));
    const head = only(run.incidents);
    const [first, second, third] = head.notifications.map(({ effect }) => effect) as [string, string, string];
    run.apply([
      { at: SECOND, input: resultOf(head.id, first) },
      { at: SECOND, input: resultOf(head.id, second, 'failed') },
      { at: SECOND, input: resultOf(head.id, third, 'skipped') },
    ]);
    expect(only(run.incidents).notifications.slice(0, 3)).toMatchObject([
      { status: 'sent', at: EPOCH + SECOND, reason: 'HTTP 202', ref: { ts: '1' } },
      { status: 'failed' },
      { status: 'skipped' },
    ]);
    expect(run.writings.timelineOf(head.id).slice(-3)).toMatchObject([
      { type: 'notified', text: 'trigger to engineering by pagerduty: HTTP 202' },
      { type: 'failed' },
      { type: 'skipped' },
    ]);
  });

  it('of an incident that is no longer in memory reach its timeline', () => {
    const run = new EngineRun();
    run.apply([{ at: 0, input: resultOf('0123456789abcdef', 'nx', 'failed') }]);
    expect(run.writings.timelineOf('0123456789abcdef')).toMatchObject([{ type: 'failed', text: 'failed: HTTP 202' }]);
  });
});

describe('ourselves', () => {
  it('an entry that cannot be applied opens an incident that pages; sending it again ends it', () => {
    const run = new EngineRun();
    run.apply([{ at: 0, input: { kind: 'poison', entry: '17-0', error: 'boom' } }]);
    const head = only(run.incidents);
    expect(head).toMatchObject({ severity: 'P1', key: { service: 'tocsin' }, alertNames: { TocsinPoisonEntry: 1 } });
    expect(run.writings.details.get('tocsin:TocsinPoisonEntry:17-0')).toContain('boom');
    run.apply([{ at: MINUTE, input: { kind: 'poison', entry: '18-0', error: 'boom' } }]);
    expect(only(run.incidents).memberCount).toBe(2);
    for (const redriveOf of ['17-0', '18-0']) {
      run.apply([{ at: HOUR, input: { kind: 'alerts', source: 'test', alerts: [], redriveOf } }]);
    }
    run.tick(2 * HOUR);
    expect(only(run.incidents).status).toBe('resolved');
  });

  it('beyond max_series takes in what is severe, says so, and never throws', () => {
    const run = new EngineRun(contextOf(undefined, { maxSeries: 20 }));
    for (let index = 0; index < 30; index += 1) run.alerts(index, firing('A', 0, { service: `s${index}` }));
    run.alerts(40, firing('B', 0, { service: 'x' }, 'critical'));
    expect(stateStats(run.state)).toMatchObject({ series: 22, refused: 10 });
    const names = run.incidents.flatMap(({ alertNames }) => Object.keys(alertNames));
    expect(names.filter((name) => name !== 'A')).toEqual(['TocsinSeriesLimit', 'B']);
  });
});

describe('numbers and ids', () => {
  it('count by UTC day, and never collide between partitions', () => {
    const context = contextOf();
    const runs = [0, 1, 2].map((index) => new EngineRun({ ...context, partition: { index, count: 3 } }));
    for (const run of runs) {
      run.alerts(0, firing('A', 0, { service: 'a' }));
      run.alerts(1, firing('A', 0, { service: 'b' }));
      run.alerts(24 * HOUR, firing('A', 24 * HOUR, { service: 'c' }));
    }
    expect(runs.map((run) => run.writings.opened.map(({ number }) => number))).toEqual([
      ['INC-20260110-001', 'INC-20260110-004', 'INC-20260111-001'],
      ['INC-20260110-002', 'INC-20260110-005', 'INC-20260111-002'],
      ['INC-20260110-003', 'INC-20260110-006', 'INC-20260111-003'],
    ]);
    expect(new Set(runs.flatMap((run) => run.writings.opened.map(({ id }) => id))).size).toBe(9);
  });
});

describe('new rules', () => {
  it('find what is already there', () => {
    const context = contextOf(rulesOf('correlation_rules: [{name: other, pattern: [{alert: Z}]}]'));
    const run = new EngineRun(context);
    cascade(run);
    expect(only(run.incidents).rule).toBe('fallback');
    const next = new EngineRun();
    next.writings.apply({
      ...emptyWrites(),
      state: run.writings.state,
      incidents: run.writings.incidents,
      live: new Map([...run.writings.live].map((id) => [id, true])),
    });
    next.reload();
    next.alerts(7 * MINUTE, firing('ErrorRateSpike', 7 * MINUTE, { ...CHECKOUT, pod: 'p2' }));
    expect(only(next.incidents)).toMatchObject({ rule: 'database_cascade', memberCount: 4 });
  });
});

function emptyWrites(): Parameters<EngineRun['writings']['apply']>[0] {
  const none = new Map<string, never>();
  return {
    state: none,
    details: none,
    incidents: none,
    live: none,
    opened: [],
    members: none,
    timeline: none,
    effects: [],
  };
}
