/** Cuts the append-only file at many offsets, boots each, and looks for half a commit. The long form is in `npm run prove`. */
import { cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis } from '../kit/redis.js';
import { alerts, effect, openBench, opening, result, takeLease } from './samples.js';
import type { Bench } from './samples.js';

const COMMITS = 12;
const CUTS = 40;

/** Commit n opens incident n with one effect, one timeline line, one state field; odd effects are settled. */
async function write(bench: Bench): Promise<void> {
  const lease = await takeLease(bench.store);
  let expected = '0-0';
  for (let n = 1; n <= COMMITS; n += 1) {
    await bench.store.appender.append([{ partition: 0, input: alerts(`n${n}`), retryLane: `l${n}`, digest: 'd' }]);
    const [entry] = await bench.store.partition(0).read(expected, 1, 0);
    const cursor = entry?.id ?? '';
    const id = `i${n}`;
    const writes = {
      ...opening(id, [effect(`e${n}`, { incident: id })]),
      state: new Map([[`s${n}`, String(n)]]),
      timeline: new Map([[id, ['{}']]]),
    };
    await bench.store.partition(0).commit({ lease, expected, cursor, seq: entry?.seq ?? 0, writes });
    expected = cursor;
    if (n % 2 === 1) {
      await bench.store.outbox.claim(0, `e${n}`, 't', 60_000);
      await bench.store.outbox.settle(0, `e${n}`, 't', result(`e${n}`));
      // The result is an entry of the log: passed by the next commit.
      expected = (await bench.store.partition(0).read(expected, 10, 0)).at(-1)?.id ?? '';
      const seq = n + Math.ceil(n / 2);
      await bench.store
        .partition(0)
        .commit({ lease, expected: cursor, cursor: expected, seq, writes: opening(`r${n}`) });
    }
  }
}

/** Everything that one transition writes together must be there together. Returns what is not. */
async function tears(raw: Redis, key: (name: string) => string): Promise<string[]> {
  const found: string[] = [];
  const claim = (what: string, holds: boolean): void => {
    if (!holds) found.push(what);
  };
  const entries = await raw.xrange(key('in'), '-', '+');
  const seq = Number((await raw.get(key('seq'))) ?? 0);
  claim('seq is the number of the last entry', seq === entries.length);
  entries.forEach(([, fields], index) => claim('numbers have no gap', fields[1] === String(index + 1)));
  const commits = await raw.xrange(key('commits'), '-', '+');
  const cursor = ((await raw.get(key('cursor'))) ?? '0-0').split(' ')[0];
  claim('the cursor is that of the last commit', cursor === (commits.at(-1)?.[1][5] ?? '0-0'));
  const heads = await raw.hkeys(key('inc'));
  claim('one incident a commit', heads.length === commits.length);
  const results = entries.filter(([, fields]) => fields[3]?.includes('"result"')).map(([, fields]) => fields[3] ?? '');
  for (const id of heads) {
    claim(`${id} is indexed`, (await raw.zscore(key('incs'), id)) !== null);
    claim(`${id} has its number`, (await raw.hget(key('num'), `INC-20261122-${id}`)) === id);
    claim(`${id} is live`, (await raw.sismember(key('live'), id)) === 1);
    if (id.startsWith('r')) continue;
    const n = id.slice(1);
    claim(`${id} has its state`, (await raw.hget(key('st'), `s${n}`)) === n);
    claim(`${id} has its timeline`, (await raw.llen(key(`tl:${id}`))) === 1);
    const settled = results.some((body) => body.includes(`"effect":"e${n}"`));
    const rows = [
      await raw.hexists(key('eff'), `e${n}`),
      await raw.hexists(key('effst'), `e${n}`),
      (await raw.zscore(key('due'), `e${n}`)) === null ? 0 : 1,
    ];
    claim(
      `${id}: its effect is whole, or settled with its result`,
      rows.every((row) => row === (settled ? 0 : 1)),
    );
  }
  return found;
}

it('an append-only file cut anywhere never shows half a transition', async () => {
  const source = await openBench({ redis: { appendfsync: 'always', extra: ['--auto-aof-rewrite-percentage', '0'] } });
  const copies = await mkdtemp(join(tmpdir(), 'tocsin-torn-'));
  try {
    await write(source);
    expect(await tears(source.raw, source.key)).toEqual([]);
    // The check can fail: without one field of one commit it does.
    const field = await source.raw.hget(source.key('st'), 's2');
    await source.raw.hdel(source.key('st'), 's2');
    expect(await tears(source.raw, source.key)).toEqual(['i2 has its state']);
    await source.raw.hset(source.key('st'), 's2', field ?? '');
    await source.server.kill('SIGKILL');
    const files = await readdir(join(source.server.dir, 'appendonlydir'));
    const log = files.find((name) => name.endsWith('.incr.aof')) ?? '';
    const { size } = await stat(join(source.server.dir, 'appendonlydir', log));
    const seen = new Set<number>();
    for (let cut = 0; cut < CUTS; cut += 1) {
      const dir = join(copies, String(cut));
      await cp(source.server.dir, dir, { recursive: true });
      // Spread over the file, and off any regular step of its records.
      const offset = Math.floor((size * (cut + ((cut * 7919) % 97) / 97)) / CUTS);
      await truncate(join(dir, 'appendonlydir', log), offset);
      const server = await startRedis({ dir, appendfsync: 'always' });
      const raw = new Redis({ path: server.socketPath, protocol: 2 });
      expect({ offset, tears: await tears(raw, source.key) }).toEqual({ offset, tears: [] });
      seen.add(await raw.xlen(source.key('commits')));
      raw.disconnect();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    }
    // The cuts fell between many different commits, so that the check had something to look at.
    expect(seen.size).toBeGreaterThan(8);
  } finally {
    await source.close();
    await rm(copies, { recursive: true, force: true });
  }
}, 120_000);
