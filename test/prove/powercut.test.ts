/** The power cut must take exactly what was not synced: with `always` nothing that was answered, with `no` nearly all. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';

import { preparePowerCut } from './storage/power-cut.js';
import { RedisServer } from './storage/redis-server.js';

/** The cut needs a C compiler and a loader that takes LD_PRELOAD; a machine without says so by skipping. */
const canCut = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;
const itCuts = canCut ? it : it.skip;

describe('power cut', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tocsin-powercut-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  async function survivors(appendfsync: 'always' | 'everysec' | 'no', writes: number): Promise<number> {
    const data = join(dir, appendfsync);
    mkdirSync(data);
    const server = new RedisServer({ dir: data, appendfsync, powerCut: preparePowerCut(data) });
    server.start();
    try {
      const before = await server.connect();
      for (let write = 0; write < writes; write += 1) await before.rpush('list', `value ${write}`);
      before.disconnect();
      await server.cutPower();
      const after: Redis = await server.connect();
      const left = await after.llen('list');
      after.disconnect();
      return left;
    } finally {
      await server.stop();
    }
  }

  itCuts('takes nothing that was answered under appendfsync always', async () => {
    expect(await survivors('always', 50)).toBe(50);
  });

  it('says what to install when there is no C compiler', () => {
    expect(() => preparePowerCut(dir, 'no-such-compiler')).toThrow(/no-such-compiler.*apt-get install gcc/);
  });

  itCuts('takes what was never synced under appendfsync no', async () => {
    expect(await survivors('no', 50)).toBe(0);
  });
});
