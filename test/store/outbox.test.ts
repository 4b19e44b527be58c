import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Effect } from '../../src/domain/effect.js';
import type { Claim, Lease } from '../../src/ports/store.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn, effect, incident, opening, result, takeLease, writes } from './samples.js';
import type { Bench } from './samples.js';

const T0 = 1_000_000;
const TTL = 30_000;
const VISIBILITY = 20_000;

let server: TestRedis;
let bench: Bench;
let lease: Lease;
let seq: number;
let cursor: string;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await benchOn(server, { clock: true });
  await bench.setTime(T0);
  lease = await takeLease(bench.store);
  seq = 0;
  cursor = '0-0';
});
afterEach(() => bench.leave());

/** Commits with the next entry of the log. */
async function commit(what = writes(), handOut?: readonly string[]): Promise<void> {
  const id = (await bench.store.partition(0).appendOwn(lease, { kind: 'tick' })) ?? '';
  const read = await bench.store.partition(0).read(cursor, 100, 0);
  const entry = read.find((each) => each.id === id);
  seq = entry?.seq ?? 0;
  const outcome = await bench.store.partition(0).commit({
    ...{ lease, expected: cursor, cursor: id, seq, writes: what },
    ...(handOut === undefined ? {} : { handOut: { effects: new Set(handOut), visibilityMs: VISIBILITY } }),
  });
  expect(outcome).toBe('committed');
  cursor = id;
}

async function plan(...effects: Effect[]): Promise<void> {
  await commit(opening('i1', effects));
}

const take = (limit = 10) => bench.store.partition(0).takeDue(lease, limit, VISIBILITY);
const claim = (id: string, token: string) => bench.store.outbox.claim(0, id, token, TTL);
const settle = (id: string, token: string, outcome: 'sent' | 'skipped' | 'failed' = 'sent') =>
  bench.store.outbox.settle(0, id, token, result(id, outcome));
const release = (id: string, token: string, delayMs: number, unknown: boolean) =>
  bench.store.outbox.release(0, id, token, delayMs, unknown);
const lanes = () => bench.raw.hgetall(bench.key('lane'));

function flags(found: Claim) {
  if (found.status !== 'claimed') throw new Error(found.status);
  return { ...found.lane, mayRepeat: found.mayRepeat };
}

describe('handing out', () => {
  it('gives what is due, and says when to look again', async () => {
    await plan(effect('now', { dueAt: T0 }), effect('later', { dueAt: T0 + 5_000, lane: 'l2' }));
    expect(await take()).toEqual({ due: [{ id: 'now', sink: 'slack', handout: 1 }], nextAt: T0 + 5_000, now: T0 });
    expect(await take()).toMatchObject({ due: [], nextAt: T0 + 5_000 });
    await bench.setTime(T0 + 5_000);
    expect(await take()).toMatchObject({ due: [{ id: 'later' }], nextAt: T0 + VISIBILITY });
  });

  it('counts what was handed out with its commit, and comes back to it when nobody claimed it', async () => {
    await commit(opening('i1', [effect('now', { dueAt: T0 }), effect('rest', { dueAt: T0, lane: 'l2' })]), ['now']);
    expect(await take()).toEqual({
      due: [{ id: 'rest', sink: 'slack', handout: 1 }],
      nextAt: T0 + VISIBILITY,
      now: T0,
    });
    expect((await claim('now', 't1')).status).toBe('claimed');
    await release('now', 't1', 0, false);
    expect((await take())?.due).toEqual([{ id: 'now', sink: 'slack', handout: 2 }]);
  });

  it('does not hand out with the commit what is not due', async () => {
    await commit(opening('i1', [effect('later', { dueAt: T0 + 5_000 })]), ['later']);
    expect(await take()).toEqual({ due: [], nextAt: T0 + 5_000, now: T0 });
    await bench.setTime(T0 + 5_000);
    expect((await take())?.due).toEqual([{ id: 'later', sink: 'slack', handout: 1 }]);
  });

  it('hands out again after the visibility, with the next number', async () => {
    await plan(effect('e1'));
    await take();
    await bench.setTime(T0 + VISIBILITY);
    expect((await take())?.due).toEqual([{ id: 'e1', sink: 'slack', handout: 2 }]);
  });

  it('says so when there is nothing, and obeys the limit', async () => {
    expect(await take()).toEqual({ due: [], nextAt: null, now: T0 });
    await plan(effect('a'), effect('b', { lane: 'l2' }), effect('c', { lane: 'l3' }));
    const first = await take(2);
    expect(first?.due).toHaveLength(2);
    expect(first?.nextAt).toBe(0);
    expect((await take(2))?.due).toHaveLength(1);
  });

  it('keeps names of sinks and lanes whatever they contain', async () => {
    await plan(effect('e1', { sink: 'my sink, 100% =x', lane: 'i1.0.a b,c.d e' }));
    expect((await take())?.due[0]?.sink).toBe('my sink, 100% =x');
    expect((await claim('e1', 't')).status).toBe('claimed');
    expect(await settle('e1', 't')).toBe(true);
  });

  it('leaves a claimed effect alone until its claim expires', async () => {
    await plan(effect('e1'));
    await take();
    await bench.setTime(T0 + 10_000);
    await claim('e1', 't');
    await bench.setTime(T0 + VISIBILITY + 1);
    expect(await take()).toMatchObject({ due: [], nextAt: T0 + 10_000 + TTL });
    await bench.setTime(T0 + 10_000 + TTL);
    expect((await take())?.due).toHaveLength(1);
  });
});

describe('claiming', () => {
  it('gives the effect with the incident of this moment', async () => {
    await plan(effect('e1'));
    const changed = JSON.stringify(incident('i1', { severity: 'P0' }));
    await commit(writes({ incidents: new Map([['i1', changed]]) }));
    expect(await claim('e1', 't1')).toEqual({
      status: 'claimed',
      effect: effect('e1'),
      incident: incident('i1', { severity: 'P0' }),
      token: 't1',
      attempt: 1,
      mayRepeat: false,
      lane: { triggered: false, resolved: false },
      now: T0,
    });
  });

  it('is for one worker at a time', async () => {
    await plan(effect('e1'));
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, i) => bench.another().outbox.claim(0, 'e1', `t${i}`, TTL)),
    );
    expect(claims.map(({ status }) => status).sort()).toEqual(['claimed', ...Array<string>(7).fill('held')]);
  });

  it('refuses without changing a byte what is gone, held or not due', async () => {
    await plan(effect('e1', { dueAt: T0 + 1 }), effect('e2', { lane: 'l2' }));
    await claim('e2', 't');
    const before = await bench.digest();
    expect((await claim('e1', 'x')).status).toBe('not-due');
    expect((await claim('e2', 'x')).status).toBe('held');
    expect((await claim('nothing', 'x')).status).toBe('gone');
    expect(await settle('e1', 'x')).toBe(false);
    expect(await settle('e2', 'x')).toBe(false);
    expect(await release('e2', 'x', 0, true)).toBe(false);
    expect(await bench.digest()).toBe(before);
  });

  it('is possible again when the claim expired, with the word that it may repeat', async () => {
    await plan(effect('e1'));
    await claim('e1', 'lost');
    await bench.setTime(T0 + TTL);
    const again = await claim('e1', 'second');
    expect(again).toMatchObject({ status: 'claimed', attempt: 2, mayRepeat: true, lane: { triggered: true } });
    expect(await settle('e1', 'lost')).toBe(false);
    expect(await settle('e1', 'second')).toBe(true);
  });

  it('changes nothing when the incident is missing', async () => {
    await plan(effect('e1'));
    await bench.raw.hdel(bench.key('inc'), 'i1');
    const before = await bench.digest();
    await expect(claim('e1', 't')).rejects.toThrow(/without its incident/);
    expect(await bench.digest()).toBe(before);
  });
});

describe('settling', () => {
  it('removes the row and appends the result in one step, once', async () => {
    await plan(effect('e1'));
    await claim('e1', 't');
    expect(await settle('e1', 't')).toBe(true);
    expect(await settle('e1', 't')).toBe(false);
    expect(await bench.raw.exists(bench.key('eff'), bench.key('effst'), bench.key('due'))).toBe(0);
    const entries = await bench.store.partition(0).read(cursor, 10, 0);
    expect(entries.map(({ body }) => JSON.parse(body))).toEqual([{ v: 1, ...result('e1') }]);
    expect(entries[0]?.seq).toBe(seq + 1);
    expect((await claim('e1', 'x')).status).toBe('gone');
  });

  it('is accepted late while nobody else claimed it', async () => {
    await plan(effect('e1'));
    await claim('e1', 't');
    await bench.setTime(T0 + 10 * TTL);
    expect(await settle('e1', 't')).toBe(true);
  });
});

describe('releasing', () => {
  it('looks again after the delay', async () => {
    await plan(effect('e1'));
    await claim('e1', 't');
    expect(await release('e1', 't', 7_000, false)).toBe(true);
    expect((await claim('e1', 'u')).status).toBe('not-due');
    expect(await take()).toMatchObject({ due: [], nextAt: T0 + 7_000 });
    await bench.setTime(T0 + 7_000);
    expect((await take())?.due).toHaveLength(1);
    expect(await claim('e1', 'u')).toMatchObject({ attempt: 2, mayRepeat: false, lane: { triggered: false } });
  });

  it('remembers an unknown outcome for good', async () => {
    await plan(effect('e1'));
    await claim('e1', 't');
    await release('e1', 't', 0, true);
    await claim('e1', 'u');
    await release('e1', 'u', 0, false);
    expect(flags(await claim('e1', 'v'))).toEqual({ triggered: true, resolved: false, mayRepeat: true });
  });
});

describe('lanes', () => {
  const trigger = effect('trigger');
  const resolve = effect('resolve', { action: 'resolve' });

  it('hold one claim at a time, and wake who waited', async () => {
    await plan(trigger, resolve);
    await take();
    await claim('trigger', 't');
    expect((await claim('resolve', 'r')).status).toBe('lane-busy');
    expect((await take())?.due).toEqual([]);
    await settle('trigger', 't');
    expect((await take())?.due).toEqual([{ id: 'resolve', sink: 'slack', handout: 2 }]);
    expect(flags(await claim('resolve', 'r'))).toEqual({ triggered: true, resolved: false, mayRepeat: false });
  });

  it.each([
    ['sent', true],
    ['failed', true],
    ['skipped', false],
  ] as const)('count a trigger that ended as %s: attempted %s', async (outcome, triggered) => {
    await plan(trigger, resolve);
    await claim('trigger', 't');
    await settle('trigger', 't', outcome);
    expect(flags(await claim('resolve', 'r')).triggered).toBe(triggered);
  });

  it('keep the mark of an earlier attempt when a later one skips', async () => {
    await plan(trigger, resolve);
    await claim('trigger', 't');
    await release('trigger', 't', 0, true);
    await claim('trigger', 'u');
    await settle('trigger', 'u', 'skipped');
    expect(flags(await claim('resolve', 'r')).triggered).toBe(true);
  });

  it('count a holder that ended without a word as attempted', async () => {
    await plan(trigger, resolve);
    await claim('trigger', 't');
    await bench.setTime(T0 + TTL);
    expect(flags(await claim('resolve', 'r')).triggered).toBe(true);
    expect((await claim('trigger', 'u')).status).toBe('lane-busy');
    await settle('resolve', 'r');
    expect(flags(await claim('trigger', 'u'))).toEqual({ triggered: true, resolved: true, mayRepeat: true });
  });

  it('show a resolve to the triggers behind it, however it ended unless skipped', async () => {
    await plan(trigger, effect('second'), resolve);
    await claim('resolve', 'r');
    await settle('resolve', 'r', 'failed');
    expect(flags(await claim('trigger', 't')).resolved).toBe(true);
  });

  it('are not freed by a late word of one that lost them', async () => {
    await plan(trigger, resolve);
    await claim('trigger', 't');
    await bench.setTime(T0 + TTL);
    await claim('resolve', 'r');
    expect(await settle('trigger', 't')).toBe(true);
    const row = Object.values(await lanes()).find((each) => each.includes('resolve resolve'));
    expect(row).toBeDefined();
    expect(await settle('resolve', 'r')).toBe(true);
  });

  it('leave nothing behind after their resolve', async () => {
    await plan(trigger, resolve);
    await claim('trigger', 't');
    await settle('trigger', 't');
    expect(Object.keys(await lanes())).toHaveLength(2);
    await claim('resolve', 'r');
    await settle('resolve', 'r');
    expect(await lanes()).toEqual({});
  });

  it('leave nothing behind when nothing was ever sent', async () => {
    await plan(trigger);
    await claim('trigger', 't');
    await settle('trigger', 't', 'skipped');
    expect(await lanes()).toEqual({});
  });

  it('are remembered from a trigger to its resolve, and forgotten with the incident', async () => {
    await plan(trigger);
    await claim('trigger', 't');
    await settle('trigger', 't');
    await commit(writes({ effects: [resolve] }));
    expect(flags(await claim('resolve', 'r')).triggered).toBe(true);
    await release('resolve', 'r', 0, false);
    await commit(writes({ live: new Map([['i1', false]]) }));
    expect(Object.keys(await lanes())).toHaveLength(2);
    await claim('resolve', 'r2');
    await settle('resolve', 'r2', 'skipped');
    expect(await lanes()).toEqual({});
  });

  it('without a resolve go when the incident is no longer live', async () => {
    await plan(trigger);
    await claim('trigger', 't');
    await settle('trigger', 't');
    expect(Object.keys(await lanes())).toHaveLength(2);
    await commit(writes({ live: new Map([['i1', false]]) }));
    expect(await lanes()).toEqual({});
  });
});

it('works on the clock of Redis without a manual one', async () => {
  const real = await benchOn(server);
  const own = await takeLease(real.store);
  const [receipt] = await real.store.appender.append([{ partition: 0, input: alerts('a') }]);
  const now = await real.store.partition(0).time();
  await real.store.partition(0).commit({
    lease: own,
    expected: '0-0',
    cursor: receipt?.id ?? '',
    seq: 1,
    writes: opening('i1', [effect('past', { dueAt: now - 1 }), effect('future', { dueAt: now + 60_000, lane: 'l2' })]),
  });
  const taken = await real.store.partition(0).takeDue(own, 10, 1_000);
  expect(taken?.due.map(({ id }) => id)).toEqual(['past']);
  expect(await real.store.outbox.claim(0, 'past', 't', TTL)).toMatchObject({ status: 'claimed' });
  expect(await real.store.outbox.claim(0, 'future', 't', TTL)).toEqual({ status: 'not-due' });
  await real.leave();
});
