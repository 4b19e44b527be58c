/**
 * The embedded Redis: a server child of this daemon on a unix socket, set up to keep what it accepts. For one machine;
 * replicas on several need a Redis of their own and `redis.url`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { StoreError, TocsinError } from '../errors.js';
import { LOCK_NAME_LENGTH, lockFolder } from './folder-lock.js';
import { askServer, stopOrphan } from './orphan.js';
import type { ServerRecord } from './orphan.js';
import { findServerProgram } from './server-program.js';

/** The kernel's limit for the path of a unix socket is 104 (macOS) or 108 bytes, its end included. */
const LONGEST_SOCKET_PATH = 100;
const RECORD_FILE = 'server.json';
/** Bounds of the pause before a server that died is started again. */
const RESTART_MS = { first: 100, max: 5_000 };
/** A server that ran this long starts again with the first pause. */
const STABLE_MS = 60_000;

const DURABLE = [
  ...['--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'no'],
  // The log alone grows by 64 MiB within a minute of a storm: rewriting the file then costs more than replaying it.
  ...['--auto-aof-rewrite-min-size', '256mb'],
];

export interface EmbeddedOptions {
  /** Data folder; created with mode 700. */
  readonly dir: string;
  /** The server program; default: see findServerProgram(). */
  readonly program?: string;
  /** Default: the working directory of the process. */
  readonly cwd?: string;
  /** `transport`: nothing in it is a record, so it keeps nothing on disk and waits for no fsync. Default `durable`. */
  readonly kind?: 'durable' | 'transport';
  /** How long the server may take to load its data at start; ms, default 60,000. */
  readonly startTimeoutMs?: number;
  /** After SIGTERM the server has this long before SIGKILL; ms, default 5,000. */
  readonly graceMs?: number;
  /** Gets each line that the server writes, and what happens to it. */
  readonly onLog?: (line: string) => void;
}

export interface EmbeddedRedis {
  /** For StoreOptions.url: the path of the socket. */
  readonly url: string;
  readonly program: string;
  /** Of the server that runs now; undefined between two. */
  readonly pid: number | undefined;
  /** Ends the server and gives the folder back. */
  stop(): Promise<void>;
}

/** The folder itself when its sockets are short enough, else a private one under the system's temporary folder. */
async function socketFolder(dir: string): Promise<string> {
  if (Buffer.byteLength(dir) + 1 + LOCK_NAME_LENGTH <= LONGEST_SOCKET_PATH) return dir;
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `tocsin-${name}`);
  await mkdir(folder, { mode: 0o700, recursive: true });
  const { uid } = await lstat(folder).then((stat) => {
    if (!stat.isDirectory()) throw new TocsinError('TOCSIN_REDIS_UNSAFE', `${folder} is not a folder: remove it`);
    return stat;
  });
  if (uid !== process.getuid?.()) {
    throw new TocsinError('TOCSIN_REDIS_UNSAFE', `${folder} belongs to another user: remove it`);
  }
  await chmod(folder, 0o700);
  return folder;
}

async function readRecord(dir: string): Promise<ServerRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, RECORD_FILE), 'utf8')) as ServerRecord;
  } catch {
    // No record, or one that a full disk cut short: no server can be told from it.
    return undefined;
  }
}

/**
 * Starts the server and resolves when it has loaded its data and answers. It is started again when it dies.
 * Throws TOCSIN_REDIS_MISSING without a program, TOCSIN_REDIS_UNSAFE when another daemon uses the folder, StoreError
 * with the last lines of the server when it does not come up.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedRedis> {
  const program = findServerProgram(options.program, options.cwd ?? process.cwd());
  const dir = resolvePath(options.cwd ?? process.cwd(), options.dir);
  const graceMs = options.graceMs ?? 5_000;
  const log = options.onLog ?? (() => undefined);
  await mkdir(dir, { mode: 0o700, recursive: true });
  await chmod(dir, 0o700);
  const runDir = await socketFolder(dir);
  const lock = await lockFolder(dir, runDir);
  const socket = join(runDir, 'redis.sock');
  const args = [
    ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--dir', dir, '--save', ''],
    ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no'],
    ...(options.kind === 'transport' ? ['--appendonly', 'no'] : DURABLE),
  ];

  let child: ChildProcess | undefined;
  let stopping = false;
  let pause: { timer: NodeJS.Timeout; failures: number } | undefined;
  const lastLines: string[] = [];

  function forward(chunk: Buffer): void {
    for (const line of chunk.toString().split('\n')) {
      if (line.trim() === '') continue;
      lastLines.push(line.trimEnd());
      if (lastLines.length > 10) lastLines.shift();
      log(line.trimEnd());
    }
  }

  /** Starts one server and waits for its PONG. Rejects when it ends before, or takes too long. */
  async function launch(timeoutMs: number): Promise<void> {
    // Its own process group: Ctrl-C in the terminal must not end it while the daemon still finishes its work.
    const started = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    child = started;
    started.stdout.on('data', forward);
    started.stderr.on('data', forward);
    const state = { ended: false };
    const ended = new Promise<void>((resolve) => {
      const end = (): void => {
        state.ended = true;
        if (child === started) child = undefined;
        resolve();
      };
      started.once('exit', end);
      started.once('error', end);
    });
    if (started.pid !== undefined) {
      // At once, before anything can end this process: the next start must find the child.
      writeFileSync(join(dir, RECORD_FILE), JSON.stringify({ pid: started.pid, socket } satisfies ServerRecord));
    }
    const deadline = performance.now() + timeoutMs;
    while ((await askServer(socket, 'PING', 1_000))?.startsWith('+PONG') !== true) {
      if (!state.ended && performance.now() > deadline) {
        started.kill('SIGKILL');
        await ended;
        throw new StoreError(`${program} has not loaded its data from ${dir} after ${timeoutMs} ms`);
      }
      if (state.ended) throw new StoreError(`${program} on ${dir} ended at start:\n${lastLines.join('\n')}`);
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10))]);
    }
    const since = performance.now();
    void ended.then(() => {
      if (!stopping) launchAgain(performance.now() - since > STABLE_MS ? 0 : (pause?.failures ?? 0));
    });
  }

  function launchAgain(failures: number): void {
    const delay = Math.min(RESTART_MS.first * 2 ** failures, RESTART_MS.max);
    log(`the server ended unexpectedly, starting it again in ${delay} ms`);
    const timer = setTimeout(() => {
      if (stopping) return;
      launch(options.startTimeoutMs ?? 60_000).catch((error: unknown) => {
        log(`the server did not start: ${(error as Error).message}`);
        if (!stopping) launchAgain(failures + 1);
      });
    }, delay);
    pause = { timer, failures: failures + 1 };
  }

  async function end(): Promise<void> {
    stopping = true;
    clearTimeout(pause?.timer);
    const running = child;
    if (running !== undefined && running.exitCode === null && running.signalCode === null) {
      const exited = once(running, 'exit');
      running.kill('SIGTERM');
      const force = setTimeout(() => running.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(force);
    }
    await rm(join(dir, RECORD_FILE), { force: true });
    await lock.release();
  }

  try {
    const left = await readRecord(dir);
    if (left !== undefined && (await stopOrphan(left, graceMs)))
      log(`stopped the server ${left.pid} of an earlier daemon`);
    await launch(options.startTimeoutMs ?? 60_000);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    url: socket,
    program,
    get pid() {
      return child?.pid;
    },
    stop: end,
  };
}
