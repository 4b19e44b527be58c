import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startEmbedded } from '../../src/store/embedded.js';
import type { EmbeddedOptions, EmbeddedRedis } from '../../src/store/embedded.js';
import { lockFolder } from '../../src/store/folder-lock.js';
import { openStore } from '../../src/store/store.js';

let root: string;
let started: EmbeddedRedis[];
let lines: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tocsin-emb-'));
  started = [];
  lines = [];
});
afterEach(async () => {
  for (const each of started) await each.stop();
  await rm(root, { recursive: true, force: true });
});

async function start(more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedRedis> {
  const redis = await startEmbedded({ dir: join(root, 'data'), onLog: (line) => lines.push(line), ...more });
  started.push(redis);
  return redis;
}

async function withClient<T>(url: string, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ path: url, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  try {
    return await act(client);
  } finally {
    client.disconnect();
  }
}

/** Runs, and is not a zombie that nobody has waited for. */
function isAlive(pid: number): boolean {
  if (process.platform === 'linux') {
    // Not by ps: a small machine has none.
    const path = `/proc/${pid}/stat`;
    return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'));
  }
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

describe('embedded Redis', () => {
  it('passes the strict check, keeps data over a restart, and is gone after stop', async () => {
    const first = await start();
    const store = await openStore({ url: first.url, durability: 'strict' });
    expect((await store.health.check()).problem).toBeUndefined();
    await store.close();
    await withClient(first.url, (client) => client.set('k', 'v'));
    const pid = first.pid ?? 0;
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    const second = await start();
    expect(await withClient(second.url, (client) => client.get('k'))).toBe('v');
    expect((await stat(join(root, 'data'))).mode & 0o777).toBe(0o700);
    expect(lines.some((line) => /ready to accept connections/i.test(line))).toBe(true);
  });

  it('is started again when it is killed', async () => {
    const redis = await start();
    await withClient(redis.url, async (client) => {
      await client.set('k', 'v');
      const before = redis.pid ?? 0;
      process.kill(before, 'SIGKILL');
      await once(client, 'close');
      expect(await client.get('k')).toBe('v');
      expect(redis.pid).not.toBe(before);
    });
  });

  it('uses a short socket path when that of the folder is too long', async () => {
    const redis = await start({ dir: join(root, 'x'.repeat(120)) });
    expect(redis.url.length).toBeLessThanOrEqual(100);
    expect(await withClient(redis.url, (client) => client.ping())).toBe('PONG');
  });

  it('refuses a folder that is in use', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'TOCSIN_REDIS_UNSAFE' });
    await expect(start()).rejects.toThrow(new RegExp(`process ${process.pid}`));
  });

  it('says what to install when there is no server', async () => {
    await expect(start({ program: join(root, 'none') })).rejects.toMatchObject({ code: 'TOCSIN_REDIS_MISSING' });
  });

  it('gives the last lines of a server that does not start', async () => {
    await mkdir(join(root, 'data', 'appendonlydir'), { recursive: true });
    await writeFile(join(root, 'data', 'appendonlydir', 'appendonly.aof.manifest'), 'garbage\n');
    await expect(start()).rejects.toThrow(/ended at start:[^]*manifest/i);
    await rm(join(root, 'data'), { recursive: true });
    await start();
  });

  it.each(['SIGCONT', 'SIGSTOP'] as const)(
    'takes over from a daemon that was killed with SIGKILL (its server then got %s)',
    async (signal) => {
      const dir = join(root, 'data');
      const script = `
      const { startEmbedded } = await import(${JSON.stringify(join(process.cwd(), 'src/store/embedded.ts'))});
      const redis = await startEmbedded({ dir: ${JSON.stringify(dir)} });
      console.log(redis.pid);
      setInterval(() => {}, 1000);`;
      const daemon = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [output] = (await once(daemon.stdout, 'data')) as [Buffer];
      const orphan = Number(output.toString());
      await withClient(join(dir, 'redis.sock'), (client) => client.set('k', 'v'));
      const died = once(daemon, 'exit');
      daemon.kill('SIGKILL');
      await died;
      expect(isAlive(orphan)).toBe(true);
      process.kill(orphan, signal);
      const next = await start({ graceMs: 500 });
      expect(isAlive(orphan)).toBe(false);
      expect(await withClient(next.url, (client) => client.get('k'))).toBe('v');
    },
  );

  it('does not touch a process that only has the recorded id', async () => {
    await mkdir(join(root, 'data'));
    const record = { pid: process.pid, socket: join(root, 'data', 'redis.sock') };
    await writeFile(join(root, 'data', 'server.json'), JSON.stringify(record));
    const redis = await start();
    expect(redis.pid).not.toBe(process.pid);
  });
});

describe('folder lock', () => {
  it('is had by one of many who ask at once, round after round', async () => {
    for (let round = 0; round < 10; round += 1) {
      const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(root, root)));
      const got = attempts.filter((attempt) => attempt.status === 'fulfilled');
      expect(got).toHaveLength(1);
      await got[0]?.value.release();
    }
    expect(await readdir(root)).toEqual([]);
  });

  it('is refused while it is held, and names the holder', async () => {
    const held = await lockFolder(root, root);
    await expect(lockFolder(root, root)).rejects.toThrow(new RegExp(`process ${process.pid}`));
    await held.release();
    await (await lockFolder(root, root)).release();
  });

  it('is not held by one that was killed', async () => {
    const script = `
      const { lockFolder } = await import(${JSON.stringify(join(process.cwd(), 'src/store/folder-lock.ts'))});
      await lockFolder(${JSON.stringify(root)}, ${JSON.stringify(root)});
      console.log('held');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(lockFolder(root, root)).rejects.toThrow(new RegExp(`process ${holder.pid}`));
    const died = once(holder, 'exit');
    holder.kill('SIGKILL');
    await died;
    expect(await readdir(root)).toHaveLength(1);
    await (await lockFolder(root, root)).release();
    expect(await readdir(root)).toEqual([]);
  });
});
