/**
 * A whole daemon for tests: the built program in its own process and folder, on its embedded Redis or on a given one,
 * with a port of its own. Build first (`npm test` does).
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { IncidentDetail } from '../../src/ports/store.js';
import type { Incident } from '../../src/domain/incident.js';

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'dist/main.js');

export interface TestDaemonOptions {
  /** Merged over: a free port, an embedded Redis in the daemon's folder, the default rules, short times. */
  readonly config?: Record<string, unknown>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class TestDaemon {
  readonly dir: string;
  readonly url: string;
  readonly configPath: string;
  process: ChildProcess | undefined;
  /** Everything the processes of this daemon wrote. */
  output = '';
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  constructor(dir: string, port: number, options: TestDaemonOptions) {
    this.dir = dir;
    this.url = `http://127.0.0.1:${port}`;
    this.configPath = join(dir, 'tocsin.yaml');
    this.#args = options.args ?? [];
    this.#env = options.env ?? {};
    const config = {
      http: { listen: `127.0.0.1:${port}` },
      redis: { embedded: { dir: join(dir, 'redis') } },
      rules: { files: [join(ROOT, 'correlation-rules/default.yaml')] },
      ...options.config,
    };
    writeFileSync(this.configPath, stringify(config));
  }

  /** Starts a process of it; resolves when /readyz is 200, or rejects with its output when it ends before. */
  async start(): Promise<void> {
    await this.launch();
    await this.until('ready', async () => (await this.get('/readyz')).status === 200);
  }

  /** Starts a process of it and does not wait for readiness. */
  async launch(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [PROGRAM, 'serve', '--config', this.configPath, ...this.#args], {
      cwd: this.dir,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.process = child;
    await once(child, 'spawn');
    return child;
  }

  async get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(5_000) });
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
  }

  async incidents(): Promise<Incident[]> {
    const { items } = (await (await this.get('/api/v1/incidents?limit=500')).json()) as { items: Incident[] };
    return items;
  }

  async incident(id: string): Promise<IncidentDetail> {
    return (await (await this.get(`/api/v1/incidents/${id}`)).json()) as IncidentDetail;
  }

  /** Polls the daemon's state until it is as wanted; rejects with its output when that takes too long or it has ended. */
  async until(what: string, wanted: () => Promise<boolean>, limitMs = 20_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      if (await wanted().catch(() => false)) return;
      if (this.process !== undefined && this.process.exitCode !== null) {
        throw new Error(`the daemon ended (${this.process.exitCode}) before it was ${what}:\n${this.output}`);
      }
      if (Date.now() > deadline) throw new Error(`not ${what} within ${limitMs} ms:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Sends the signal and resolves with exit code (null after SIGKILL) and how long the end took, ms. */
  async signal(name: NodeJS.Signals): Promise<{ code: number | null; tookMs: number }> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return { code: null, tookMs: 0 };
    const began = Date.now();
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(name);
    const [code] = await exited;
    return { code, tookMs: Date.now() - began };
  }

  /** Ends it and removes its folder. */
  async remove(): Promise<void> {
    await this.signal('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function prepareDaemon(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  return new TestDaemon(mkdtempSync(join(tmpdir(), 'tocsin-daemon-')), await freePort(), options);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** An Alertmanager webhook with one alert for each given one. */
export function webhook(
  alerts: readonly { name: string; labels?: Record<string, string>; resolvedAfterMs?: number; startsAt?: number }[],
): unknown {
  const now = Date.now();
  return {
    version: '4',
    groupKey: `{}:{${alerts[0]?.name ?? ''}}`,
    status: 'firing',
    receiver: 'tocsin',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager.example.com',
    alerts: alerts.map(({ name, labels = {}, resolvedAfterMs, startsAt = now }) => ({
      status: resolvedAfterMs === undefined ? 'firing' : 'resolved',
      labels: { alertname: name, severity: 'warning', ...labels },
      annotations: { summary: `${name} summary` },
      startsAt: new Date(startsAt).toISOString(),
      endsAt:
        resolvedAfterMs === undefined ? '0001-01-01T00:00:00Z' : new Date(startsAt + resolvedAfterMs).toISOString(),
    })),
  };
}
