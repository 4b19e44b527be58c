/**
 * A real Redis for tests: its own child process, unix socket and data folder under os.tmpdir(), so that tests run side
 * by side. Takes `TOCSIN_TEST_REDIS` as the program, else `redis-server` from the PATH, else `valkey-server`.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRedisOptions {
  /** Default `everysec`: tests that do not prove durability are faster with it. */
  readonly appendfsync?: 'always' | 'everysec';
  /** Data folder; given, it is kept by stop(). */
  readonly dir?: string;
  /** More arguments of the server; the last one of a setting wins. */
  readonly extra?: readonly string[];
}

export interface TestRedis {
  /** Path of the unix socket: give it to ioredis as `path`, or to the store as `url`. */
  readonly socketPath: string;
  readonly dir: string;
  /** Changes at restart(). */
  readonly pid: number;
  /** Sends the signal and, when it ends the process, resolves after its end. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the server and removes the folder unless it was given. */
  stop(): Promise<void>;
  /** Starts it again on the same folder and socket, after ending it (SIGTERM) when it still runs. */
  restart(): Promise<void>;
}

function findServer(): string {
  const candidates = [process.env['TOCSIN_TEST_REDIS'], 'redis-server', 'valkey-server'];
  for (const candidate of candidates) {
    if (candidate !== undefined && spawnSync(candidate, ['--version']).status === 0) return candidate;
  }
  throw new Error('no redis-server or valkey-server on the PATH: these tests need one');
}

/** True when the server answers PING with PONG: not before it has loaded its data. */
function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (data) => end(data.toString().startsWith('+PONG')));
  });
}

async function launch(program: string, args: readonly string[], socketPath: string): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
  const deadline = Date.now() + 15_000;
  while (!(await answersPing(socketPath))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`redis ended at start:\n${output}`);
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`redis does not answer after 15 s:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const program = findServer();
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'tocsin-redis-')));
  const socketDir = await mkdtemp(join(tmpdir(), 'tocsin-sock-'));
  const socketPath = join(socketDir, 's');
  const args = [
    ...['--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700', '--dir', dir],
    ...['--appendonly', 'yes', '--appendfsync', options.appendfsync ?? 'everysec', '--save', ''],
    ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no', '--enable-debug-command', 'yes'],
    ...(options.extra ?? []),
  ];
  let child = await launch(program, args, socketPath);
  return {
    socketPath,
    dir,
    get pid() {
      return child.pid ?? -1;
    },
    async kill(signal) {
      if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT') return end(child, signal);
      child.kill(signal);
    },
    async stop() {
      child.kill('SIGCONT');
      await end(child, 'SIGKILL');
      await rm(socketDir, { recursive: true, force: true });
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
    async restart() {
      await end(child, 'SIGTERM');
      child = await launch(program, args, socketPath);
    },
  };
}
