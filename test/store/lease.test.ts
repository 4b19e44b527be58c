import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../src/errors.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn, takeLease, writes } from './samples.js';
import type { Bench } from './samples.js';

let server: TestRedis;
let bench: Bench;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  bench = await benchOn(server);
});

/** Lets the lease expire now, instead of waiting for it. */
async function expire(): Promise<void> {
  await bench.raw.del(bench.key('lease'));
}

afterEach(() => bench.leave());

describe('lease', () => {
  it('goes to one of many who ask at once', async () => {
    const owners = Array.from({ length: 8 }, (_, i) => ({ name: `o${i}`, store: bench.another() }));
    const leases = await Promise.all(owners.map(({ name, store }) => store.partition(0).acquire(name, 60_000)));
    expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
  });

  it('has a fence that grows with every taking, also by the same owner', async () => {
    const first = await takeLease(bench.store, 'a');
    const again = await takeLease(bench.store, 'a');
    await expire();
    const other = await takeLease(bench.store, 'b');
    expect([first.fence, again.fence, other.fence]).toEqual([1, 2, 3]);
    expect(await bench.store.partition(0).renew(first, 1_000)).toBe(false);
  });

  it('expires by the time of Redis', async () => {
    const lease = await takeLease(bench.store, 'a', 30);
    const reader = bench.raw;
    while ((await reader.exists(bench.key('lease'))) === 1) await reader.ping();
    expect(await bench.store.partition(0).renew(lease, 1_000)).toBe(false);
    expect(await bench.store.partition(0).acquire('b', 1_000)).toMatchObject({ owner: 'b', fence: 2 });
  });

  it('is prolonged by its owner and given back only by it', async () => {
    const lease = await takeLease(bench.store, 'a', 1_000);
    expect(await bench.store.partition(0).renew(lease, 60_000)).toBe(true);
    expect(await bench.raw.pttl(bench.key('lease'))).toBeGreaterThan(50_000);
    await bench.store.partition(0).release({ ...lease, fence: lease.fence + 1 });
    expect(await bench.store.partition(0).acquire('b', 1_000)).toBeNull();
    await bench.store.partition(0).release(lease);
    expect(await bench.store.partition(0).acquire('b', 1_000)).not.toBeNull();
  });

  it('takes owners with a bar in their name', async () => {
    const lease = await takeLease(bench.store, 'host|1');
    expect(await bench.store.partition(0).renew(lease, 1_000)).toBe(true);
    expect(await takeLease(bench.store, 'host|1')).toMatchObject({ fence: 2 });
  });

  it('is not given while a newer version wrote the data', async () => {
    await bench.raw.set(`${bench.prefix}:version`, '2');
    await expect(bench.store.partition(0).acquire('a', 1_000)).rejects.toMatchObject({ code: 'TOCSIN_STORE_NEWER' });
    expect(await bench.raw.exists(bench.key('lease'))).toBe(0);
  });
});

describe('a fenced owner changes nothing', () => {
  it('with any of its calls', async () => {
    await bench.store.appender.append([{ partition: 0, input: alerts('a') }]);
    const [entry] = await bench.store.partition(0).read('0-0', 1, 0);
    const id = entry?.id ?? '';
    const stale = await takeLease(bench.store, 'a');
    await expire();
    await takeLease(bench.store, 'b');
    const partition = bench.store.partition(0);
    const before = await bench.digest();
    const commit = {
      lease: stale,
      expected: '0-0',
      cursor: id,
      seq: 1,
      writes: writes({ state: new Map([['x', 'y']]) }),
    };
    expect(await partition.commit(commit)).toBe('fenced');
    expect(await partition.appendOwn(stale, { kind: 'tick' })).toBeNull();
    expect(await partition.takeDue(stale, 10, 1_000)).toBeNull();
    expect(await partition.renew(stale, 1_000)).toBe(false);
    await partition.release(stale);
    await expect(partition.countAttempt(stale, id)).rejects.toThrow(StoreError);
    await expect(partition.trim(stale, Number.MAX_SAFE_INTEGER)).rejects.toThrow(StoreError);
    await expect(partition.load(stale)).rejects.toThrow(StoreError);
    expect(await bench.digest()).toBe(before);
  });
});

describe('reading', () => {
  it('waits for the first entry, and no longer than told', async () => {
    const partition = bench.store.partition(0);
    const reading = partition.read('0-0', 10, 5_000);
    await bench.store.appender.append([{ partition: 0, input: alerts('a') }]);
    expect(await reading).toHaveLength(1);
    const [entry] = await partition.read('0-0', 1, 0);
    expect(await partition.read(entry?.id ?? '', 10, 20)).toEqual([]);
    expect(await partition.read(entry?.id ?? '', 10, 0)).toEqual([]);
  });

  it('counts attempts until a commit passes the entry', async () => {
    const partition = bench.store.partition(0);
    const [one, two] = await bench.store.appender.append([
      { partition: 0, input: alerts('a') },
      { partition: 0, input: alerts('b') },
    ]);
    const lease = await takeLease(bench.store);
    const first = one?.id ?? '';
    const second = two?.id ?? '';
    expect(await partition.countAttempt(lease, first)).toBe(1);
    expect(await partition.countAttempt(lease, first)).toBe(2);
    expect(await partition.countAttempt(lease, second)).toBe(1);
    await partition.commit({ lease, expected: '0-0', cursor: first, seq: 1, writes: writes() });
    expect(await bench.raw.hgetall(bench.key('att'))).toEqual({ [second]: '1' });
  });

  it('trims by time, and never the entry at the cursor or one after it', async () => {
    const partition = bench.store.partition(0);
    const receipts = await bench.store.appender.append(
      ['a', 'b', 'c', 'd'].map((name) => ({ partition: 0, input: alerts(name) })),
    );
    const ids = receipts.map(({ id }) => id);
    const lease = await takeLease(bench.store);
    expect(await partition.trim(lease, Number.MAX_SAFE_INTEGER)).toBe(0);
    await partition.commit({ lease, expected: '0-0', cursor: ids[2] ?? '', seq: 3, writes: writes() });
    expect(await partition.trim(lease, 1)).toBe(0);
    expect(await partition.trim(lease, Number.MAX_SAFE_INTEGER)).toBe(2);
    expect((await partition.read('0-0', 10, 0)).map(({ id }) => id)).toEqual([ids[2], ids[3]]);
  });
});
