import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis } from './redis.js';

it('keeps what was written over a kill and a restart', async () => {
  const redis = await startRedis({ appendfsync: 'always' });
  const client = new Redis({ path: redis.socketPath });
  client.on('error', () => undefined);
  try {
    await client.set('k', 'v');
    const before = redis.pid;
    await redis.kill('SIGKILL');
    await redis.restart();
    expect(redis.pid).not.toBe(before);
    expect(await client.get('k')).toBe('v');
  } finally {
    client.disconnect();
    await redis.stop();
  }
});
