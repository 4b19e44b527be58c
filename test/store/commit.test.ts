import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Commit, CommitWrites, Lease } from '../../src/ports/store.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn, effect, incident, opening, takeLease, writes } from './samples.js';
import type { Bench } from './samples.js';

let server: TestRedis;
let bench: Bench;
let lease: Lease;
/** Ids of three entries in the log. */
let ids: string[];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await benchOn(server);
  lease = await takeLease(bench.store);
  const receipts = await bench.store.appender.append(
    ['a', 'b', 'c'].map((name) => ({ partition: 0, input: alerts(name) })),
  );
  ids = receipts.map(({ id }) => id);
});
afterEach(() => bench.leave());

/** Commits entry number `seq` (from 1) on top of the one before. */
function commitAt(seq: number, what: CommitWrites, more: Partial<Commit> = {}) {
  const commit = { lease, expected: ids[seq - 2] ?? '0-0', cursor: ids[seq - 1] ?? '', seq, writes: what, ...more };
  return bench.store.partition(0).commit(commit);
}

describe('commit', () => {
  it('writes everything', async () => {
    const full = {
      ...opening('i1', [effect('e1', { dueAt: 42 })]),
      state: new Map([['s:1', 'one']]),
      details: new Map([['fp', '{"url":"http://x"}']]),
      members: new Map([['i1', new Map([['fp@1', '{"m":1}']])]]),
      timeline: new Map([['i1', ['{"n":1}', '{"n":2}']]]),
    };
    const deadLetter = { id: ids[0] ?? '', body: 'dead', error: 'it threw', attempts: 3 };
    expect(await commitAt(1, full, { deadLetter })).toBe('committed');
    const { raw, key } = bench;
    expect(await raw.get(key('cursor'))).toMatch(new RegExp(`^${ids[0]} 1 \\d{13}$`));
    expect(await raw.hgetall(key('st'))).toEqual({ 's:1': 'one' });
    expect(await raw.hgetall(key('det'))).toEqual({ fp: '{"url":"http://x"}' });
    expect(await raw.hgetall(key('inc'))).toEqual({ i1: JSON.stringify(incident('i1')) });
    expect(await raw.smembers(key('live'))).toEqual(['i1']);
    expect(await raw.zrange(key('incs'), '0', '-1', 'WITHSCORES')).toEqual(['i1', '1']);
    expect(await raw.hgetall(key('num'))).toEqual({ 'INC-20261122-i1': 'i1' });
    expect(await raw.hgetall(key('mem:i1'))).toEqual({ 'fp@1': '{"m":1}' });
    expect(await raw.lrange(key('tl:i1'), 0, -1)).toEqual(['{"n":1}', '{"n":2}']);
    expect(await raw.hget(key('eff'), 'e1')).toBe(JSON.stringify(effect('e1', { dueAt: 42 })));
    expect(await raw.zrange(key('due'), '0', '-1', 'WITHSCORES')).toEqual(['e1', '42']);
    expect((await raw.xrange(key('dlq'), '-', '+'))[0]?.[1]).toEqual(
      ['entry', ids[0], 'b', 'dead', 'error', 'it threw', 'attempts', '3'].map(String),
    );
    expect((await raw.xrange(key('commits'), '-', '+'))[0]?.[1]).toEqual(
      ['fence', '1', 'from', '0-0', 'to', ids[0], 'n', '1'].map(String),
    );
  });

  it('deletes what is null', async () => {
    await commitAt(1, {
      ...opening('i1'),
      state: new Map([
        ['x', '1'],
        ['y', '2'],
      ]),
      details: new Map([['fp', 'd']]),
      members: new Map([['i1', new Map([['m1', 'a']])]]),
    });
    await commitAt(
      2,
      writes({
        state: new Map([
          ['x', null],
          ['z', '3'],
        ]),
        details: new Map([['fp', null]]),
        members: new Map([['i1', new Map<string, string | null>([['m1', null]])]]),
        live: new Map([['i1', false]]),
      }),
    );
    expect(await bench.raw.hgetall(bench.key('st'))).toEqual({ y: '2', z: '3' });
    expect(await bench.raw.exists(bench.key('det'), bench.key('mem:i1'), bench.key('live'))).toBe(0);
  });

  it('is what the next owner loads, also when it is large and odd', async () => {
    const state = new Map(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, `blob ${i} 𝕊\u0000\r\n{"a":[]}`]));
    const large = writes({ ...opening('i1'), state });
    expect(await commitAt(1, large)).toBe('committed');
    await bench.raw.del(bench.key('lease'));
    const next = bench.another();
    const loaded = await next.partition(0).load(await takeLease(next, 'b'));
    expect(loaded.cursor).toBe(ids[0]);
    expect(loaded.seq).toBe(1);
    expect(loaded.state).toEqual(state);
    expect(loaded.incidents).toEqual(new Map([['i1', JSON.stringify(incident('i1'))]]));
  });

  it('starts at 0-0', async () => {
    expect(await bench.store.partition(0).load(lease)).toEqual({
      cursor: '0-0',
      seq: 0,
      state: new Map(),
      incidents: new Map(),
    });
  });
});

describe('a conflict changes nothing', () => {
  async function expectConflict(act: () => Promise<unknown>, why: RegExp): Promise<void> {
    const before = await bench.digest();
    expect(await act()).toBe('conflict');
    expect(await bench.digest()).toBe(before);
    expect(bench.conflicts.at(-1)).toMatch(why);
  }
  const some = { state: new Map([['x', 'y']]) };

  it('when the cursor moved, or would not move forward', async () => {
    await commitAt(1, writes(some));
    await expectConflict(() => commitAt(1, writes(some)), /the cursor is/);
    await expectConflict(() => commitAt(2, writes(some), { cursor: ids[0] ?? '' }), /not after/);
    await expectConflict(() => commitAt(2, writes(some), { cursor: '1-0' }), /not after/);
  });

  it('when an effect exists, twice in one commit, or has no incident', async () => {
    await commitAt(1, opening('i1', [effect('e1')]));
    await expectConflict(() => commitAt(2, writes({ ...some, effects: [effect('e1')] })), /effect e1 exists/);
    await expectConflict(() => commitAt(2, writes({ effects: [effect('e2'), effect('e2')] })), /effect e2 exists/);
    await expectConflict(
      () => commitAt(2, writes({ effects: [effect('e3', { incident: 'i9' })] })),
      /unknown incident/,
    );
    await expectConflict(() => commitAt(2, writes({ effects: [effect('e4', { dueAt: NaN })] })), /no due time/);
  });

  it('when an incident is opened twice or updated without being there', async () => {
    await commitAt(1, opening('i1'));
    await expectConflict(() => commitAt(2, opening('i1')), /opened but exists|is taken/);
    await expectConflict(
      () => commitAt(2, { ...opening('i2'), opened: [{ id: 'i2', number: 'INC-20261122-i1', openedAt: 1 }] }),
      /is taken/,
    );
    await expectConflict(() => commitAt(2, writes({ incidents: new Map([['i3', '{}']]) })), /does not exist/);
    await expectConflict(() => commitAt(2, { ...opening('i4'), incidents: new Map() }), /without a head/);
  });

  it.each([
    ['st', 'list'],
    ['inc', 'string'],
    ['due', 'hash'],
    ['dlq', 'string'],
    ['commits', 'string'],
    ['mem:i1', 'list'],
    ['tl:i1', 'string'],
  ])('nor does a wrong type in %s', async (name) => {
    await bench.raw.sadd(bench.key(name), 'wrong');
    const before = await bench.digest();
    const full = {
      ...opening('i1', [effect('e1')]),
      ...some,
      members: new Map([['i1', new Map([['m', 'x']])]]),
      timeline: new Map([['i1', ['{}']]]),
    };
    await expect(commitAt(1, full)).rejects.toThrow(/WRONGTYPE/);
    expect(await bench.digest()).toBe(before);
  });
});

describe('a commit that was given up', () => {
  it('is fenced off when it arrives after its owner took the lease again', async () => {
    const late: Commit = { lease, expected: '0-0', cursor: ids[0] ?? '', seq: 1, writes: writes() };
    await takeLease(bench.store);
    expect(await bench.store.partition(0).commit(late)).toBe('fenced');
  });

  it('of two with the same base, one wins', async () => {
    const outcomes = await Promise.all([
      commitAt(1, writes({ state: new Map([['x', '1']]) })),
      bench
        .another()
        .partition(0)
        .commit({
          lease,
          expected: '0-0',
          cursor: ids[1] ?? '',
          seq: 2,
          writes: writes({ state: new Map([['x', '2']]) }),
        }),
    ]);
    expect(outcomes.sort()).toEqual(['committed', 'conflict']);
  });
});
