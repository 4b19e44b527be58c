import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { openStore } from '../../src/store/store.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';

let server: TestRedis;
let raw: Redis;

beforeAll(async () => {
  server = await startRedis({ appendfsync: 'always' });
  raw = new Redis({ path: server.socketPath });
});
afterAll(async () => {
  raw.disconnect();
  await server.stop();
});

async function verified(durability: 'strict' | 'accept-loss', url = server.socketPath): Promise<readonly string[]> {
  const store = await openStore({ url, durability });
  try {
    return await store.verify();
  } finally {
    await store.close();
  }
}

describe('the check of settings', () => {
  it('passes a Redis that is set up right', async () => {
    expect(await verified('strict')).toEqual([]);
  });

  it.each([
    ['appendfsync', 'everysec', 'always'],
    ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
    ['no-appendfsync-on-rewrite', 'yes', 'no'],
    ['appendonly', 'no', 'yes'],
  ])('refuses %s %s, and names the remedy and the way around', async (name, wrong, right) => {
    await raw.config('SET', name, wrong);
    try {
      const refusal = expect(verified('strict')).rejects;
      await refusal.toMatchObject({ code: 'TOCSIN_REDIS_UNSAFE' });
      await expect(verified('strict')).rejects.toThrow(`${name} is "${wrong}", must be "${right}"`);
      await expect(verified('strict')).rejects.toThrow(`CONFIG SET ${name} ${right}`);
      await expect(verified('strict')).rejects.toThrow('redis.durability: accept-loss');
      expect(await verified('accept-loss')).toHaveLength(1);
    } finally {
      await raw.config('SET', name, right);
    }
  });

  it('lists all that is wrong', async () => {
    await raw.config('SET', 'appendfsync', 'no', 'maxmemory-policy', 'volatile-ttl');
    await expect(verified('strict')).rejects.toThrow(/appendfsync is "no"[^]*maxmemory-policy is "volatile-ttl"/);
    await raw.config('SET', 'appendfsync', 'always', 'maxmemory-policy', 'noeviction');
  });

  it('says that it cannot verify when CONFIG is forbidden', async () => {
    await raw.acl('SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-config');
    const url = `unix://limited:secret@localhost${server.socketPath}`;
    await expect(verified('strict', url)).rejects.toThrow(/cannot be verified[^]*accept-loss/);
    await expect(verified('strict', url)).rejects.toMatchObject({ code: 'TOCSIN_REDIS_UNSAFE' });
    expect(await verified('accept-loss', url)).toHaveLength(1);
  });

  it('never shows a password', async () => {
    const url = `unix://limited:WrongPassword@localhost${server.socketPath}`;
    const error = await openStore({ url, startTimeoutMs: 500 }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toMatch(/refused the credentials|WRONGPASS/);
    expect(error?.message).not.toMatch(/WrongPassword/);
  });
});

describe('the check of the clock', () => {
  it('refuses a log that is ahead of the clock, and accepts one that is a little', async () => {
    const now = Number((await raw.time())[0]) * 1000;
    await raw.xadd('tocsin:{p0}:in', `${now + 30_000}-0`, 'q', '1', 'b', '{}');
    expect(await verified('strict')).toEqual([]);
    await raw.xadd('tocsin:{p0}:in', `${now + 3_600_000}-0`, 'q', '2', 'b', '{}');
    await expect(verified('accept-loss')).rejects.toThrow(/ahead of the clock of Redis/);
    await expect(verified('accept-loss')).rejects.toMatchObject({ code: 'TOCSIN_REDIS_UNSAFE' });
    await raw.del('tocsin:{p0}:in');
  });
});

describe('the version of the layout', () => {
  it.each(['2', '17', 'garbage'])('%s is refused', async (version) => {
    await raw.set('tocsin:version', version);
    await expect(verified('strict')).rejects.toMatchObject({ code: 'TOCSIN_STORE_NEWER' });
    await raw.del('tocsin:version');
  });

  it('is written when there is none', async () => {
    await verified('strict');
    expect(await raw.get('tocsin:version')).toBe('1');
  });
});
