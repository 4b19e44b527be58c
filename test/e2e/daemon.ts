/** The daemon under test: real program, embedded Redis, bearer secret in a file; stopped and started on the same data. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { Incident } from '../../src/domain/incident.js';
import type { IncidentDetail } from '../../src/ports/store.js';
import { processTree, startProcess, until, type RunningProcess } from '../bench/processes.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const PROGRAM = join(ROOT, 'dist/main.js');

export interface DaemonHome {
  readonly dir: string;
  readonly configFile: string;
  readonly base: string;
}

/** Writes configuration and secret. Times are short so that resolving can be watched: over for 3 s is resolved. */
export function prepareHome(dir: string, port: number, token: string): DaemonHome {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'alertmanager.token'), `${token}\n`, { mode: 0o600 });
  const configFile = join(dir, 'tocsin.yaml');
  writeFileSync(
    configFile,
    `http: {listen: "127.0.0.1:${port}"}
redis: {embedded: {dir: redis}}
sources:
  alertmanager: {type: alertmanager, auth: {bearer: [{file: alertmanager.token}]}}
rules: {files: [${JSON.stringify(join(ROOT, 'correlation-rules/*.yaml'))}]}
engine: {flap_window: 2s, resolve_after: 3s}
`,
  );
  return { dir, configFile, base: `http://127.0.0.1:${port}` };
}

export interface StoppedDaemon {
  readonly exitCode: number | null;
  readonly tookMs: number;
  /** Processes of its tree that were still there afterwards. */
  readonly leftBehind: readonly number[];
}

export interface Daemon {
  stop(): Promise<StoppedDaemon>;
}

/** Starts `tocsin serve` and waits until it says that it is ready. */
export async function startDaemon(home: DaemonHome): Promise<Daemon> {
  const running: RunningProcess = await startProcess({
    command: process.execPath,
    args: [PROGRAM, 'serve', '--config', home.configFile],
    logFile: join(home.dir, 'tocsin.log'),
    cwd: home.dir,
  });
  await until('the daemon is ready', 30_000, async () => {
    if (running.child.exitCode !== null)
      throw new Error(`it ended with ${running.child.exitCode}; see ${home.dir}/tocsin.log`);
    return (await fetch(`${home.base}/readyz`)).ok;
  });
  return {
    async stop() {
      const tree = processTree(running.pid).map(({ pid }) => pid);
      const tookMs = await running.stop(30_000);
      const leftBehind = tree.filter((pid) => processTree(pid).length > 0);
      return { exitCode: running.child.exitCode, tookMs, leftBehind };
    },
  };
}

async function get<T>(home: DaemonHome, path: string): Promise<T> {
  const response = await fetch(`${home.base}${path}`);
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** All incidents with their members and timelines, by the API. */
export async function readIncidents(home: DaemonHome): Promise<readonly IncidentDetail[]> {
  const { items } = await get<{ readonly items: readonly Incident[] }>(home, '/api/v1/incidents?limit=1000');
  return Promise.all(items.map(({ id }) => get<IncidentDetail>(home, `/api/v1/incidents/${id}`)));
}

/** Bodies that the daemon refused and kept. */
export async function readQuarantine(home: DaemonHome): Promise<readonly unknown[]> {
  const { items } = await get<{ readonly items: readonly unknown[] }>(home, '/api/v1/quarantine');
  return items;
}

/**
 * Begin and end (null: firing) of the latest episode of an alert in the engine's state, read from the daemon's Redis itself:
 * the API shows what is in incidents. Empty when it is not there.
 */
export async function readEpisode(home: DaemonHome, fingerprint: string): Promise<readonly (number | null)[]> {
  const record = JSON.parse(readFileSync(join(home.dir, 'redis', 'server.json'), 'utf8')) as {
    readonly socket: string;
  };
  const redis = new Redis({ path: record.socket });
  try {
    const blob = await redis.hget('tocsin:{p0}:st', `s:am:${fingerprint}`);
    const episodes = blob === null ? [] : (JSON.parse(blob) as { readonly e: readonly (number | null)[][] }).e;
    return episodes.at(-1)?.slice(0, 2) ?? [];
  } finally {
    redis.disconnect();
  }
}
