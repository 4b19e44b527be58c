import { afterEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../src/errors.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn, effect, openBench, opening, result, takeLease, writes } from './samples.js';
import type { Bench } from './samples.js';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function open(...args: Parameters<typeof openBench>): Promise<Bench> {
  const bench = await openBench(...args);
  opened.push(bench);
  return bench;
}

const draft = { partition: 0, input: alerts('a'), retryLane: 'lane', digest: 'd' };

/** A partition with one committed and one claimed effect, and a log entry to commit next. */
async function prepare(bench: Bench) {
  const lease = await takeLease(bench.store);
  const ids: string[] = [];
  for (const name of ['a', 'b']) {
    const [receipt] = await bench.store.appender.append([{ partition: 0, input: alerts(name) }]);
    ids.push(receipt?.id ?? '');
  }
  const partition = bench.store.partition(0);
  const effects = [effect('claimed'), effect('free', { lane: 'l2' })];
  await partition.commit({ lease, expected: '0-0', cursor: ids[0] ?? '', seq: 1, writes: opening('i1', effects) });
  await bench.store.outbox.claim(0, 'claimed', 'token', 60_000);
  const next = {
    lease,
    expected: ids[0] ?? '',
    cursor: ids[1] ?? '',
    seq: 2,
    writes: writes({ state: new Map([['x', 'y']]), effects: [effect('new')] }),
  };
  return { lease, partition, next };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

/** All calls that must be refused without a trace when Redis takes no more data. */
const growing = (bench: Bench, { lease, partition, next }: Prepared): [string, () => Promise<unknown>][] => [
  ['append', () => bench.store.appender.append([draft])],
  ['commit', () => partition.commit(next)],
  ['appendOwn', () => partition.appendOwn(lease, { kind: 'tick' })],
  ['countAttempt', () => partition.countAttempt(lease, next.cursor)],
  ['takeDue', () => partition.takeDue(lease, 10, 1_000)],
  ['claim', () => bench.store.outbox.claim(0, 'free', 't', 1_000)],
  ['release', () => bench.store.outbox.release(0, 'claimed', 'token', 0, true)],
];

describe('Redis out of memory', () => {
  it('is refused before anything is changed, and says so', async () => {
    const bench = await open();
    const prepared = await prepare(bench);
    await bench.raw.config('SET', 'maxmemory', '1');
    const before = await bench.digest();
    for (const [name, act] of growing(bench, prepared)) {
      await expect(act().then(() => name)).rejects.toThrow(/out of memory/);
      expect(`${name} ${await bench.digest()}`).toBe(`${name} ${before}`);
    }
    expect(await bench.store.health.check()).toMatchObject({ writable: false, maxMemory: 1 });
    // What frees memory or only keeps things going still works, as a whole.
    expect(await prepared.partition.renew(prepared.lease, 60_000)).toBe(true);
    expect(await bench.store.outbox.settle(0, 'claimed', 'token', result('claimed'))).toBe(true);
    expect(await bench.raw.hexists(bench.key('eff'), 'claimed')).toBe(0);
    expect(await bench.raw.xlen(bench.key('in'))).toBe(3);
    const again = await takeLease(bench.store);
    expect(again.fence).toBe(2);
    await bench.raw.config('SET', 'maxmemory', '0');
    expect(await prepared.partition.commit({ ...prepared.next, lease: again })).toBe('committed');
  });
});

describe('Redis read-only', () => {
  it('is refused before anything is changed, and says so', async () => {
    const bench = await open();
    const prepared = await prepare(bench);
    await bench.raw.call('REPLICAOF', '127.0.0.1', '1');
    const before = await bench.digest();
    const all: [string, () => Promise<unknown>][] = [
      ...growing(bench, prepared),
      ['renew', () => prepared.partition.renew(prepared.lease, 1_000)],
      ['settle', () => bench.store.outbox.settle(0, 'claimed', 'token', result('claimed'))],
      ['acquire', () => prepared.partition.acquire('a', 1_000)],
      ['trim', () => prepared.partition.trim(prepared.lease, Number.MAX_SAFE_INTEGER)],
    ];
    for (const [name, act] of all) {
      // The refusal makes the clients connect again (a failover may have moved the address): the intake fails meanwhile.
      await expect(act().then(() => name)).rejects.toThrow(/read-only replica|not connected/);
      expect(`${name} ${await bench.digest()}`).toBe(`${name} ${before}`);
    }
    expect((await bench.store.health.check()).writable).toBe(false);
    await expect(bench.another().verify()).rejects.toThrow(/read-only replica of 127.0.0.1:1/);
    await bench.raw.call('REPLICAOF', 'NO', 'ONE');
    expect(await prepared.partition.commit(prepared.next)).toBe('committed');
  });
});

describe('Redis that cannot persist', () => {
  it('is refused before anything is changed (MISCONF)', async () => {
    // The append-only file on /dev/full cannot be had; a failing snapshot denies writes in the same way.
    const bench = await open({ redis: { extra: ['--save', '3600 1', '--dbfilename', 'dump.rdb'] } });
    const prepared = await prepare(bench);
    await bench.raw.config('SET', 'rdb-key-save-delay', '1000000');
    await bench.raw.bgsave();
    const children = await import('node:fs/promises').then((fs) =>
      fs.readFile(`/proc/${bench.server.pid}/task/${bench.server.pid}/children`, 'utf8'),
    );
    for (const child of children.trim().split(' ')) process.kill(Number(child), 'SIGKILL');
    while (!(await bench.raw.info('persistence')).includes('rdb_last_bgsave_status:err'));
    const before = await bench.digest();
    for (const [name, act] of growing(bench, prepared)) {
      await expect(act().then(() => name)).rejects.toThrow(/cannot persist to its disk/);
      expect(`${name} ${await bench.digest()}`).toBe(`${name} ${before}`);
    }
    const health = await bench.store.health.check();
    expect(health.writable).toBe(false);
    expect(health.problem).toMatch(/MISCONF/);
  });
});

describe('Redis gone', () => {
  it('fails the intake at once and the rest soon, and all recover by themselves', async () => {
    const bench = await open({ redis: { appendfsync: 'always' }, store: { timeoutMs: 300 } });
    const prepared = await prepare(bench);
    const reading = bench.store.partition(0).read(prepared.next.cursor, 10, 5_000);
    const readFails = expect(reading).rejects.toThrow(StoreError);
    await bench.server.kill('SIGKILL');
    await expect(bench.store.appender.append([draft])).rejects.toThrow(/is not connected/);
    await expect(prepared.partition.commit(prepared.next)).rejects.toThrow(StoreError);
    await readFails;
    expect(await bench.store.health.check()).toMatchObject({ writable: false, partitions: [] });
    await bench.server.restart();
    const patient = bench.another({ timeoutMs: 10_000 });
    expect(await patient.partition(0).commit(prepared.next)).toBe('committed');
    for (;;) {
      // The intake does not wait for the connection: it refuses until there is one.
      const receipt = await bench.store.appender.append([draft]).catch(() => undefined);
      if (receipt !== undefined) break;
      await bench.raw.ping();
    }
    expect((await bench.store.health.check()).writable).toBe(true);
  });

  it('leaves no call without an answer when it dies while they are on their way', async () => {
    const bench = await open({ redis: { appendfsync: 'always' } });
    const calls = Array.from({ length: 50 }, (_, i) =>
      bench.store.appender.append([{ partition: 0, input: alerts(`n${i}`) }]).then(
        () => 'stored' as const,
        () => 'unknown' as const,
      ),
    );
    const more = Array.from({ length: 20 }, () =>
      bench.store
        .partition(0)
        .time()
        .then(
          () => 'stored' as const,
          () => 'unknown' as const,
        ),
    );
    await bench.server.kill('SIGKILL');
    const outcomes = await Promise.all(calls);
    expect(await Promise.all(more)).toHaveLength(20);
    await bench.server.restart();
    const kept = await bench.raw.xlen(bench.key('in'));
    expect(kept).toBeGreaterThanOrEqual(outcomes.filter((outcome) => outcome === 'stored').length);
  });

  it('gives up a call to a server that does not answer', async () => {
    const bench = await open({ store: { intakeTimeoutMs: 100, timeoutMs: 200 } });
    await bench.server.kill('SIGSTOP');
    await expect(bench.store.appender.append([draft])).rejects.toThrow(/did not answer in time/);
    await expect(bench.store.partition(0).time()).rejects.toThrow(StoreError);
    expect((await bench.store.health.check()).writable).toBe(false);
    await bench.server.kill('SIGCONT');
  });

  it('is a clear refusal at the start', async () => {
    const server: TestRedis = await startRedis();
    const bench = await benchOn(server);
    opened.push(bench);
    await server.kill('SIGKILL');
    await expect(bench.another({ startTimeoutMs: 100 }).verify()).rejects.toThrow(
      new RegExp(`cannot connect: Redis at ${server.socketPath} .*(ECONNREFUSED|ENOENT)`),
    );
  });
});
