/** The three servers that are measured, each started fresh in its own folder and process. */
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Certificate } from './certificate.js';
import { freePort, nextMessage, startProcess, startScript, until, type RunningProcess } from './processes.js';

export interface Contestant {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** Path and headers that the generator posts to. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly envelope: 'webhook' | 'api-v2';
  /** Resolves when everything accepted so far is applied. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** Where pages go, when the measurement needs a receiver. */
export interface PageTarget {
  readonly port: number;
  readonly certificate: Certificate;
}

/** Full path of a program on the PATH; undefined when it is not there. */
export function findProgram(...names: readonly string[]): string | undefined {
  for (const name of names) {
    for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
      try {
        accessSync(join(dir, name), constants.X_OK);
        return join(dir, name);
      } catch {
        continue; // not in this folder
      }
    }
  }
  return undefined;
}

export function findAlertmanager(): string | undefined {
  return findProgram('prometheus-alertmanager', 'alertmanager');
}

/** The JSON-only route, or the bare TCP server that shows what the generator can do. */
export async function startYardstick(dir: string, kind: 'json-only' | 'raw'): Promise<Contestant> {
  mkdirSync(dir, { recursive: true });
  const running = await startScript('./json-server.ts', join(dir, `${kind}.log`), kind === 'raw' ? ['--raw'] : []);
  const { port } = await nextMessage<{ port: number }>(running, 20_000);
  return {
    name: kind,
    pid: running.pid,
    port,
    path: '/webhooks/alertmanager',
    headers: {},
    envelope: 'webhook',
    settled: () => Promise.resolve(),
    stop: () => stopped(running),
  };
}

async function stopped(running: RunningProcess): Promise<void> {
  await running.stop();
}

function alertmanagerConfig(groupWait: string, groupBy: string, pages: PageTarget | undefined): string {
  const webhook =
    pages === undefined
      ? []
      : [
          '    webhook_configs:',
          `      - url: https://127.0.0.1:${pages.port}/v2/enqueue`,
          '        send_resolved: false',
          `        http_config: {tls_config: {ca_file: ${JSON.stringify(pages.certificate.certFile)}}}`,
        ];
  return [
    'route:',
    '  receiver: bench',
    `  group_by: [${groupBy}]`,
    `  group_wait: ${groupWait}`,
    '  group_interval: 5m',
    '  repeat_interval: 4h',
    'receivers:',
    '  - name: bench',
    ...webhook,
    '',
  ].join('\n');
}

/** Alertmanager alone (no cluster). Without `pages` its receiver does nothing, which is the cheapest it can be. */
export async function startAlertmanager(
  dir: string,
  options: { readonly groupWait: string; readonly pages?: PageTarget },
): Promise<Contestant> {
  const program = findAlertmanager();
  if (program === undefined) throw new Error('no prometheus-alertmanager on the PATH');
  mkdirSync(dir, { recursive: true });
  const configFile = join(dir, 'alertmanager.yml');
  writeFileSync(configFile, alertmanagerConfig(options.groupWait, 'service', options.pages));
  const port = await freePort();
  const args = [
    `--config.file=${configFile}`,
    `--storage.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
    '--log.level=error',
  ];
  const running = await startProcess({ command: program, args, logFile: join(dir, 'alertmanager.log') });
  await until('Alertmanager is ready', 20_000, async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
  return {
    name: 'alertmanager',
    pid: running.pid,
    port,
    path: '/api/v2/alerts',
    headers: {},
    envelope: 'api-v2',
    settled: () => Promise.resolve(), // a POST is answered when the alerts are in its memory; it keeps them nowhere else
    stop: () => stopped(running),
  };
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const DAEMON = join(ROOT, 'dist/main.js');
const TOKEN = 'bench-bearer-token-of-the-alertmanager-source';

function daemonConfig(dir: string, port: number, pages: PageTarget | undefined): string {
  const paging =
    pages === undefined
      ? []
      : [
          'notify:',
          '  matrix: {P1: {engineering: {channels: [pagerduty], delay: 0s}}}',
          'sinks:',
          '  pagerduty:',
          '    routing_keys: {default: {file: routing-key}}',
          `    server: 127.0.0.1:${pages.port}`,
          `    ca_file: ${JSON.stringify(pages.certificate.certFile)}`,
        ];
  return [
    `http: {listen: "127.0.0.1:${port}", external_url: "http://127.0.0.1:${port}"}`,
    `redis: {embedded: {dir: ${JSON.stringify(join(dir, 'redis'))}}}`,
    'sources:',
    '  alertmanager: {type: alertmanager, auth: {bearer: [{file: token}]}}',
    `rules: {files: [${JSON.stringify(join(ROOT, 'correlation-rules/*.yaml'))}]}`,
    ...paging,
    'log: {level: warn}',
    '',
  ].join('\n');
}

/**
 * The daemon as an operator starts it: `serve`, embedded Redis with AOF always, the shipped rules, bearer authentication,
 * all defaults but the addresses. Without `pages` notifications go to the `log` sink.
 */
export async function startDaemon(
  dir: string,
  options: { readonly pages?: PageTarget; readonly nodeArgs?: readonly string[] } = {},
): Promise<Contestant> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const configFile = join(dir, 'tocsin.yaml');
  writeFileSync(join(dir, 'token'), TOKEN, { mode: 0o600 });
  writeFileSync(join(dir, 'routing-key'), 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00', { mode: 0o600 });
  writeFileSync(configFile, daemonConfig(dir, port, options.pages));
  const args = [...(options.nodeArgs ?? []), DAEMON, 'serve', '--config', configFile];
  const running = await startProcess({ command: process.execPath, args, logFile: join(dir, 'tocsin.log'), cwd: dir });
  const base = `http://127.0.0.1:${port}`;
  await until('the daemon is ready', 30_000, async () => (await fetch(`${base}/readyz`)).ok);
  return {
    name: 'tocsin',
    pid: running.pid,
    port,
    path: '/webhooks/alertmanager',
    headers: { Authorization: `Bearer ${TOKEN}` },
    envelope: 'webhook',
    settled: () => untilCommitted(base),
    stop: () => stopped(running),
  };
}

/** Polls the daemon's own metrics until every appended entry of every partition is committed. */
async function untilCommitted(base: string): Promise<void> {
  await until(
    'the daemon has committed everything',
    180_000,
    async () => {
      const text = await (await fetch(`${base}/metrics`)).text();
      const lags = Array.from(text.matchAll(/^tocsin_[a-z_]*lag\w*(?:\{[^}]*\})? (\S+)$/gm), (match) =>
        Number(match[1]),
      );
      if (lags.length === 0) throw new Error('/metrics shows no lag');
      return lags.every((lag) => lag === 0);
    },
    20,
  );
}
