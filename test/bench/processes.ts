/**
 * Starting, watching and stopping the processes under measurement: each server is its own process, on loopback, stopped by
 * its pid. CPU and memory come from /proc, so that all processes are measured alike, whatever they are written in.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface RunningProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** SIGTERM, then SIGKILL after `graceMs` (default 10 s). Resolves when it is gone, with how long that took in ms. */
  stop(graceMs?: number): Promise<number>;
}

const alive = new Set<ChildProcess>();

function killAll(): void {
  for (const child of alive) child.kill('SIGKILL');
}
process.once('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(130);
  });
}

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and error go here. */
  readonly logFile: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly ipc?: boolean;
}

/** Starts a program; rejects when it cannot be started at all. */
export async function startProcess(options: StartOptions): Promise<RunningProcess> {
  const log = openSync(options.logFile, 'a');
  const child = spawn(options.command, [...options.args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', log, log, ...(options.ipc === true ? (['ipc'] as const) : [])],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  alive.add(child);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      alive.delete(child);
      resolve();
    });
  });
  return {
    pid: child.pid ?? -1,
    child,
    async stop(graceMs = 10_000) {
      const begun = performance.now();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const abort = new AbortController();
        const late = delay(graceMs, undefined, { signal: abort.signal }).then(
          () => child.kill('SIGKILL'),
          () => undefined,
        );
        await gone;
        abort.abort();
        await late;
      }
      return performance.now() - begun;
    },
  };
}

/** Starts one of this folder's TypeScript files as its own Node process with an IPC channel. */
export function startScript(file: string, logFile: string, args: readonly string[] = []): Promise<RunningProcess> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return startProcess({ command: process.execPath, args: ['--import', 'tsx', path, ...args], logFile, ipc: true });
}

/** The next message of a child; rejects when the child ends or the time (ms) is over. */
export function nextMessage<T>(running: RunningProcess, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => finish(new Error(`process ${running.pid} said nothing for ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onMessage = (message: unknown): void => finish(undefined, message as T);
    const onExit = (): void => finish(new Error(`process ${running.pid} ended before it answered; see its log`));
    function finish(error: Error | undefined, message?: T): void {
      clearTimeout(timer);
      running.child.off('message', onMessage);
      running.child.off('exit', onExit);
      if (error !== undefined) reject(error);
      else resolve(message as T);
    }
    running.child.on('message', onMessage);
    running.child.on('exit', onExit);
  });
}

/** Polls until `probe` gives something else than undefined or false; throws with `what` when the time (ms) is over. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  everyMs = 50,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let problem = '';
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      problem = `; last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms${problem}`);
    await delay(everyMs);
  }
}

/** A TCP port of the loopback interface that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

interface ProcStat {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** Clock ticks of the process with all its threads, and of its children that ended. */
  readonly ticks: number;
}

/** Linux counts CPU time in USER_HZ, which is 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

function readStat(pid: number): ProcStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // ended meanwhile
  }
  const nameEnd = text.lastIndexOf(')');
  const fields = text
    .slice(nameEnd + 2)
    .split(' ')
    .map(Number);
  const [parent = 0, user = 0, system = 0, childUser = 0, childSystem = 0] = [1, 11, 12, 13, 14].map(
    (at) => fields[at] ?? 0,
  );
  return {
    pid,
    parent,
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    ticks: user + system + childUser + childSystem,
  };
}

/** The process and all its living descendants. */
export function processTree(root: number): readonly ProcStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
  const tree = all.filter(({ pid }) => pid === root);
  for (let at = 0; at < tree.length; at += 1) {
    const parent = tree[at];
    tree.push(...all.filter((each) => each.parent === parent?.pid));
  }
  return tree;
}

/** CPU seconds (user and system, all threads) of the process and its descendants so far. */
export function cpuSeconds(root: number): number {
  return processTree(root).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

/** Resident memory in bytes of the process and each of its descendants, by program name. */
export function residentBytes(root: number): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { pid, name } of processTree(root)) {
    let status: string;
    try {
      status = readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      continue; // ended meanwhile
    }
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    sizes.set(name, (sizes.get(name) ?? 0) + kib * 1024);
  }
  return sizes;
}
