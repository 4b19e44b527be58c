/** A real Redis as a process of its own, on a unix socket, killed and started again on the same folder. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Redis } from 'ioredis';

import { Supervised } from '../processes/supervised.js';
import type { PowerCut } from './power-cut.js';

export interface RedisServerOptions {
  /** Folder for data, socket and log; the data goes into its sub-folder `data`. */
  readonly dir: string;
  readonly appendfsync: 'always' | 'everysec' | 'no';
  /** Given: every death is a power cut. */
  readonly powerCut?: PowerCut;
}

const ANSWERS_WITHIN_MS = 15_000;

export function findRedisProgram(): string {
  for (const program of ['redis-server', 'valkey-server']) {
    if (spawnSync(program, ['--version']).status === 0) return program;
  }
  throw new Error('no redis-server or valkey-server on the PATH (Debian and Ubuntu: apt-get install redis-server)');
}

export class RedisServer {
  readonly socket: string;
  readonly dataDir: string;
  readonly process: Supervised;
  /** What the power cuts took so far. */
  readonly lost = { cuts: 0, files: 0, bytes: 0 };

  constructor(options: RedisServerOptions) {
    const { dir, powerCut } = options;
    this.dataDir = join(dir, 'data');
    this.socket = join(dir, 'redis.sock');
    mkdirSync(this.dataDir, { recursive: true });
    this.process = new Supervised({
      name: 'redis',
      kind: 'redis',
      command: findRedisProgram(),
      args: [
        ...['--port', '0', '--unixsocket', this.socket, '--unixsocketperm', '700', '--dir', this.dataDir],
        ...['--appendonly', 'yes', '--appendfsync', options.appendfsync, '--save', '', '--daemonize', 'no'],
        ...['--maxmemory-policy', 'noeviction', '--no-appendfsync-on-rewrite', 'no'],
        // small, so that rewrites of the AOF happen within the run and are killed as well
        ...['--auto-aof-rewrite-percentage', '100', '--auto-aof-rewrite-min-size', '8mb'],
      ],
      cwd: dir,
      env: () => ({ ...process.env, ...powerCut?.env }),
      logFile: join(dir, 'redis.log'),
      beforeRestart: () => {
        // a dead server's socket file would let clients connect to nobody
        rmSync(this.socket, { force: true });
        if (powerCut === undefined) return;
        const { files, bytes } = powerCut.strike(this.dataDir);
        this.lost.cuts += 1;
        this.lost.files += files;
        this.lost.bytes += bytes;
      },
    });
  }

  start(): void {
    this.process.start();
  }

  /** A client, once the server answers; the caller disconnects it. */
  async connect(): Promise<Redis> {
    const deadline = performance.now() + ANSWERS_WITHIN_MS;
    for (;;) {
      const client = new Redis({
        path: this.socket,
        lazyConnect: true,
        // its ready check waits whole seconds while the server loads; the ping below asks more often
        enableReadyCheck: false,
        retryStrategy: null,
        maxRetriesPerRequest: 0,
        disconnectTimeout: 50,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.ping();
        return client;
      } catch (error) {
        client.disconnect();
        if (performance.now() > deadline) throw new Error('redis does not answer', { cause: error });
        await pause(10);
      }
    }
  }

  /** Kills it and resolves when its successor answers. */
  async cutPower(): Promise<void> {
    const before = this.process.endings.length;
    this.process.kill();
    while (this.process.endings.length === before) await pause(5);
    const client = await this.connect();
    client.disconnect();
  }

  async stop(): Promise<void> {
    await this.process.stop('SIGKILL');
  }
}
