/** The search for torn commits must find each part that can be missing; the AOF reader must find the cuts to try. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';

import { drawOffsets } from './aof-cuts.js';
import { Random } from './random.js';
import { readUnits } from './storage/aof.js';
import { RedisServer } from './storage/redis-server.js';
import { findTorn } from './storage/torn.js';

const head = JSON.stringify({
  id: 'ida',
  number: 'INC-1',
  status: 'open',
  memberCount: 1,
  notifications: [
    { effect: 'n1', status: 'scheduled' },
    { effect: 'n2', status: 'scheduled' },
    { effect: 'n3', status: 'sent' },
  ],
});

/** One commit of two entries; the result of n2 is in the log behind the cursor. */
async function writeWhole(redis: Redis): Promise<void> {
  const key = (name: string): string => `t:{p0}:${name}`;
  await redis.xadd(key('in'), '1-0', 'q', '1', 'b', '{"kind":"alerts"}');
  await redis.xadd(key('in'), '2-0', 'q', '2', 'b', '{"kind":"alerts"}');
  await redis.xadd(key('in'), '3-0', 'q', '3', 'b', '{"kind":"result","effect":"n2"}');
  await redis.set(key('seq'), '3');
  await redis.set(key('cursor'), '2-0 2 1000');
  await redis.xadd(key('commits'), '*', 'fence', '1', 'from', '0-0', 'to', '2-0', 'n', '2');
  await redis.hset(key('inc'), 'ida', head);
  await redis.zadd(key('incs'), 5, 'ida');
  await redis.hset(key('num'), 'INC-1', 'ida');
  await redis.sadd(key('live'), 'ida');
  await redis.hset(key('mem:ida'), 'e1', '{}');
  await redis.rpush(key('tl:ida'), '{"type":"opened"}', '{"type":"planned"}');
  await redis.hset(key('eff'), 'n1', '{}');
  await redis.hset(key('effst'), 'n1', 'row');
  await redis.zadd(key('due'), 5, 'n1');
}

const MISSING: readonly (readonly [string, (redis: Redis) => Promise<unknown>])[] = [
  ['the cursor', (redis) => redis.del('t:{p0}:cursor')],
  ['the row of the commit', (redis) => redis.del('t:{p0}:commits')],
  ['the end of the log', (redis) => redis.xdel('t:{p0}:in', '3-0')],
  ['the head', (redis) => redis.del('t:{p0}:inc')],
  ['the index', (redis) => redis.del('t:{p0}:incs')],
  ['the number', (redis) => redis.del('t:{p0}:num')],
  ['the mark of life', (redis) => redis.del('t:{p0}:live')],
  ['the members', (redis) => redis.del('t:{p0}:mem:ida')],
  ['the timeline', (redis) => redis.del('t:{p0}:tl:ida')],
  ['the content of the effect', (redis) => redis.hdel('t:{p0}:eff', 'n1')],
  ['the state of the effect', (redis) => redis.hdel('t:{p0}:effst', 'n1')],
  ['the due time of the effect', (redis) => redis.zrem('t:{p0}:due', 'n1')],
  ['the whole effect', (redis) => redis.del('t:{p0}:eff', 't:{p0}:effst', 't:{p0}:due')],
  ['the result, while the effect is gone', (redis) => redis.hset('t:{p0}:eff', 'n2', '{}')],
];

describe('search for torn commits', () => {
  let dir = '';
  let server: RedisServer;
  let redis: Redis;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'tocsin-torn-'));
    server = new RedisServer({ dir, appendfsync: 'no' });
    server.start();
    redis = await server.connect();
    await writeWhole(redis);
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('finds nothing in a whole one', async () => {
    const { problems, incidents } = await findTorn(redis, 't', 1);
    expect(problems).toEqual([]);
    expect(incidents).toBe(1);
  });

  it.each(MISSING)('finds that %s is missing', async (_what, remove) => {
    await remove(redis);
    expect((await findTorn(redis, 't', 1)).problems).not.toEqual([]);
  });
});

describe('append-only file', () => {
  const command = (...words: string[]): string =>
    `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

  it('is divided into transactions and single commands', () => {
    const set = command('SET', 'a', 'ä\r\n*1');
    const transaction = command('MULTI') + command('SET', 'b:commits', '1') + command('EXEC');
    const units = readUnits(Buffer.from(set + transaction + set));
    expect(units.map(({ from, to, keys }) => ({ from, to, keys }))).toEqual([
      { from: 0, to: Buffer.byteLength(set), keys: ['a'] },
      { from: Buffer.byteLength(set), to: Buffer.byteLength(set + transaction), keys: ['b:commits'] },
      { from: Buffer.byteLength(set + transaction), to: Buffer.byteLength(set + transaction + set), keys: ['a'] },
    ]);
  });

  it('is cut where commands meet, at every byte of the last commits, and anywhere', () => {
    const commits = [{ from: 100, to: 160, commands: [100, 110, 150], keys: [] }];
    const offsets = drawOffsets(1_000, commits, 90, new Random(1));
    expect(offsets).toHaveLength(90);
    expect(offsets).toEqual(expect.arrayContaining([99, 100, 101, 109, 110, 111, 149, 150, 151, 159, 160, 161]));
    expect(offsets.some((offset) => offset > 200)).toBe(true);
    expect(new Set(offsets).size).toBe(90);
  });
});
