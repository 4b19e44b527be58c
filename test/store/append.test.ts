import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../src/errors.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn } from './samples.js';
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
  bench = await benchOn(server, { store: { partitions: 2 } });
});

const draft = (text: string, lane?: string) => ({
  partition: 0,
  input: alerts(text),
  ...(lane === undefined ? {} : { retryLane: lane, digest: `digest of ${text}` }),
});

afterEach(() => bench.leave());

describe('append', () => {
  it('numbers the entries without a gap and gives back what was appended', async () => {
    const receipts = await bench.store.appender.append([draft('a'), draft('b'), draft('c')]);
    const entries = await bench.store.partition(0).read('0-0', 10, 0);
    expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(entries.map(({ id }) => id)).toEqual(receipts.map(({ id }) => id));
    expect(entries.map(({ body }) => JSON.parse(body))).toEqual([
      { v: 1, ...alerts('a') },
      { v: 1, ...alerts('b') },
      { v: 1, ...alerts('c') },
    ]);
    expect(receipts.map(({ lag }) => lag)).toEqual([3, 3, 3]);
  });

  it('keeps any text as it was', async () => {
    const nasty = '𝕊💥\u0000\r\n"\\ \ud800 é\u2028';
    await bench.store.appender.append([draft(nasty)]);
    const [entry] = await bench.store.partition(0).read('0-0', 10, 0);
    expect((JSON.parse(entry?.body ?? '') as { alerts: { name: string }[] }).alerts[0]?.name).toBe(nasty);
  });

  it('appends what arrives at the same time in one script call', async () => {
    await bench.raw.config('RESETSTAT');
    await Promise.all(Array.from({ length: 100 }, (_, i) => bench.store.appender.append([draft(`n${i}`)])));
    const stats = await bench.raw.info('commandstats');
    const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
    expect(calls).toBeLessThanOrEqual(2); // EVALSHA, and once EVAL when the script was not known
    expect(await bench.raw.xlen(bench.key('in'))).toBe(100);
  });

  it('splits what is too much for one call, in order', async () => {
    const drafts = Array.from({ length: 1_000 }, (_, i) => draft(`n${i}`));
    await bench.store.appender.append(drafts);
    const entries = await bench.store.partition(0).read('0-0', 2_000, 0);
    expect(entries.map(({ body }) => (JSON.parse(body) as { alerts: { name: string }[] }).alerts[0]?.name)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => `n${i}`),
    );
  });

  it('sends drafts to their partitions', async () => {
    await bench.store.appender.append([draft('a'), { partition: 1, input: alerts('b') }]);
    expect(await bench.raw.xlen(bench.key('in', 0))).toBe(1);
    expect(await bench.raw.xlen(bench.key('in', 1))).toBe(1);
  });
});

describe('retries', () => {
  it('absorbs an identical delivery that follows directly, in one call and across calls', async () => {
    const [first, second] = await bench.store.appender.append([draft('a', 'lane'), draft('a', 'lane')]);
    const [third] = await bench.store.appender.append([draft('a', 'lane')]);
    expect([first?.absorbed, second?.absorbed, third?.absorbed]).toEqual([false, true, true]);
    expect(second?.id).toBe(first?.id);
    expect(third?.id).toBe(first?.id);
    expect(await bench.raw.xlen(bench.key('in'))).toBe(1);
  });

  it('appends the second A of A, B, A', async () => {
    const receipts = await bench.store.appender.append([draft('a', 'lane'), draft('b', 'lane'), draft('a', 'lane')]);
    expect(receipts.map(({ absorbed }) => absorbed)).toEqual([false, false, false]);
    const [again] = await bench.store.appender.append([draft('b', 'lane')]);
    expect(again?.absorbed).toBe(false);
  });

  it('keeps lanes apart, and absorbs nothing without a lane', async () => {
    const receipts = await bench.store.appender.append([draft('a', 'one'), draft('a', 'two'), draft('a'), draft('a')]);
    expect(receipts.map(({ absorbed }) => absorbed)).toEqual([false, false, false, false]);
  });

  it('forgets a lane after ten minutes', async () => {
    await bench.store.appender.append([draft('a', 'lane')]);
    const left = await bench.raw.pttl(bench.key('retry:lane'));
    expect(left).toBeGreaterThan(590_000);
    expect(left).toBeLessThanOrEqual(600_000);
  });
});

describe('failure', () => {
  it('changes nothing when the log holds another type', async () => {
    await bench.raw.set(bench.key('in'), 'not a stream');
    const before = await bench.digest();
    await expect(bench.store.appender.append([draft('a', 'lane')])).rejects.toThrow(/WRONGTYPE/);
    expect(await bench.digest()).toBe(before);
  });

  it('fails for all callers of the group, at once, while there is no connection', async () => {
    await bench.store.close();
    const outcomes = await Promise.allSettled([
      bench.store.appender.append([draft('a')]),
      bench.store.appender.append([draft('b')]),
    ]);
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('rejected');
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(StoreError);
    }
  });

  it('goes on after SCRIPT FLUSH', async () => {
    await bench.store.appender.append([draft('a')]);
    await bench.raw.script('FLUSH');
    await bench.store.appender.append([draft('b')]);
    expect(await bench.raw.xlen(bench.key('in'))).toBe(2);
  });
});
