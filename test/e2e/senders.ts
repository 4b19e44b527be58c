/** A real Prometheus that evaluates every second and a real Alertmanager that sends to the daemon, each in its own process. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess, until, type RunningProcess } from '../bench/processes.js';
import { ALERTS } from './faults.js';

export interface Sender {
  readonly base: string;
  stop(): Promise<void>;
}

/** Seconds of Alertmanager's group_interval here: how often it tries again what the daemon did not accept. */
export const GROUP_INTERVAL_S = 5;

async function startSender(program: string, args: readonly string[], logFile: string, base: string): Promise<Sender> {
  const running: RunningProcess = await startProcess({ command: program, args, logFile });
  await until(`${program} is ready`, 30_000, async () => (await fetch(`${base}/-/ready`)).ok);
  return {
    base,
    async stop() {
      await running.stop();
    },
  };
}

/** Sends each service's alerts as one group to the webhook, with the bearer token, retries and resolves, as operators set it up. */
export async function startAlertmanager(
  dir: string,
  program: string,
  webhook: { readonly url: string; readonly token: string },
): Promise<Sender> {
  mkdirSync(dir, { recursive: true });
  const configFile = join(dir, 'alertmanager.yml');
  writeFileSync(
    configFile,
    `route:
  receiver: tocsin
  group_by: [service]
  group_wait: 1s
  group_interval: ${GROUP_INTERVAL_S}s
  repeat_interval: 1h
receivers:
  - name: tocsin
    webhook_configs:
      - url: ${webhook.url}
        send_resolved: true
        http_config:
          authorization: {type: Bearer, credentials: ${JSON.stringify(webhook.token)}}
`,
    { mode: 0o600 },
  );
  const port = await freePort();
  const args = [
    `--config.file=${configFile}`,
    `--storage.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ];
  return startSender(program, args, join(dir, 'alertmanager.log'), `http://127.0.0.1:${port}`);
}

function rulesFile(): string {
  const rules = Object.entries(ALERTS).map(
    ([name, severity]) => `      - alert: ${name}
        expr: max by (service, namespace, cluster, env) (app_fault{alert="${name}"}) == 1
        labels: {severity: ${severity}}
        annotations:
          summary: '${name} on {{ $labels.service }}'
          runbook_url: https://runbooks.example.com/${name}
`,
  );
  return `groups:\n  - name: app\n    interval: 1s\n    rules:\n${rules.join('')}`;
}

/** Scrapes the application and evaluates the rules every second; alerts fire at the first evaluation that sees the fault. */
export async function startPrometheus(
  dir: string,
  program: string,
  ports: { readonly application: number; readonly alertmanager: string },
): Promise<Sender> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'rules.yml'), rulesFile());
  writeFileSync(
    join(dir, 'prometheus.yml'),
    `global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: app
    static_configs: [{targets: ['127.0.0.1:${ports.application}']}]
alerting:
  alertmanagers:
    - static_configs: [{targets: ['${new URL(ports.alertmanager).host}']}]
`,
  );
  const port = await freePort();
  const args = [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--rules.alert.resend-delay=2s',
  ];
  return startSender(program, args, join(dir, 'prometheus.log'), `http://127.0.0.1:${port}`);
}

/** What Alertmanager itself holds: an alert as its API shows it. */
export interface HeldAlert {
  readonly fingerprint: string;
  readonly startsAt: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The alerts that Alertmanager regards as firing now. */
export async function heldAlerts(alertmanager: Sender): Promise<readonly HeldAlert[]> {
  const response = await fetch(`${alertmanager.base}/api/v2/alerts`);
  return (await response.json()) as HeldAlert[];
}

/** How many requests to the webhook Alertmanager saw fail so far, by its own metrics. */
export async function failedRequests(alertmanager: Sender): Promise<number> {
  const text = await (await fetch(`${alertmanager.base}/metrics`)).text();
  const line = /^alertmanager_notification_requests_failed_total\{integration="webhook"\} (\S+)$/m.exec(text);
  return Number(line?.[1] ?? Number.NaN);
}
