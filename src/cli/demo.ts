/**
 * `tocsin demo`: a daemon on its own Redis, a recorded cascade over real HTTP, and what a person wants to see of it.
 * Everything is real; only the recording's times are moved to now.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatDuration, parseDuration } from '../domain/duration.js';
import type { Incident } from '../domain/incident.js';
import { formatLabels } from '../domain/labels.js';
import { SEVERITY_NAMES } from '../domain/severity.js';
import { startDaemon } from '../daemon/daemon.js';
import { assemble, mustPrepare } from '../daemon/prepare.js';
import { ROLES } from '../daemon/roles.js';
import { TocsinError } from '../errors.js';
import { apiGet } from './api-client.js';
import type { CliSurroundings } from './surroundings.js';
import { formatTable, formatTime } from './table.js';

export interface DemoOptions extends CliSurroundings {
  readonly port: number;
  /** Stop after showing. */
  readonly once: boolean;
}

interface Recording {
  readonly deliveries: readonly { readonly after: string; readonly path: string; readonly body: unknown }[];
}

const PACKAGE = new URL('../../', import.meta.url);
/** The incident must be there, and its immediate notifications out, within this time. */
const SETTLE_MS = 15_000;

/** Resolves with the exit code: at once with `once`, else at SIGINT or SIGTERM. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { cwd, env, out } = options;
  const folder = join(cwd, '.tocsin', 'demo');
  rmSync(folder, { recursive: true, force: true });
  const rulesPath = 'correlation-rules/default.yaml';
  const text = [
    `http: {listen: "127.0.0.1:${options.port}"}`,
    `redis: {embedded: {dir: ${JSON.stringify(join(folder, 'redis'))}}}`,
    'log: {level: warn, format: pretty}',
  ].join('\n');
  const { snapshot, prepared } = mustPrepare(
    assemble({
      config: { text, label: '(demo)', base: cwd },
      rules: [{ path: rulesPath, text: readFileSync(new URL(rulesPath, PACKAGE), 'utf8') }],
      env,
    }),
  );
  out('Starting the daemon on an embedded Redis (AOF, fsync at every write) …');
  const daemon = await startDaemon({ snapshot, prepared, roles: new Set(ROLES), failpoints: undefined });
  try {
    const stopped = stopSignal();
    await daemon.ready(SETTLE_MS);
    const url = daemon.address ?? '';
    const names = prepared.rules.rules.map((rule) => rule.name).join(', ');
    out(`Listening on ${url} with ${prepared.rules.rules.length} correlation rules: ${names}\n`);
    await replay(url, out);
    const incidents = await settled(url, stopped);
    showIncidents(incidents, out);
    const checkout = incidents.find((incident) => incident.rule === 'database_cascade');
    if (options.once || stopped.raised) return checkout === undefined ? 1 : 0;
    out(`The daemon keeps running on ${url}. In another terminal, from this folder:`);
    out('  npx tocsin incidents list');
    if (checkout !== undefined) out(`  npx tocsin incidents show ${checkout.number}`);
    out(`  curl -s ${url}/api/v1/incidents      # the same as JSON; also /metrics, /readyz`);
    out(`  docs/sources/alertmanager.md          # point your own Alertmanager at ${url}/webhooks/alertmanager`);
    out('Ctrl-C stops it. The next demo starts from nothing; "npx tocsin serve" keeps its data.');
    await stopped.wait;
    return 0;
  } finally {
    await daemon.stop();
  }
}

function stopSignal(): { raised: boolean; wait: Promise<void> } {
  const state = { raised: false, wait: Promise.resolve() };
  state.wait = new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        state.raised = true;
        resolve();
      });
    }
  });
  return state;
}

/** Sends the recording as the senders did and says what was answered. */
async function replay(url: string, out: (text: string) => void): Promise<void> {
  const recording = JSON.parse(readFileSync(new URL('config/demo/cascade.json', PACKAGE), 'utf8')) as Recording;
  const began = Date.now();
  let alerts = 0;
  out('ALERTS IN');
  for (const { after, path, body } of recording.deliveries) {
    await pause(parseDuration(after) ?? 0);
    const moved = moveTimes(body, began);
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(moved),
    });
    if (response.status !== 202) {
      throw new TocsinError('TOCSIN_INTERNAL', `${path} answered ${response.status}: ${await response.text()}`);
    }
    const hook = moved as { type?: string; alerts?: { labels: Record<string, string>; startsAt: string }[] };
    alerts += hook.alerts?.length ?? 0;
    const first = hook.alerts?.[0];
    const what =
      first === undefined
        ? `change event ${hook.type ?? ''}`
        : `${hook.alerts?.length ?? 0} × ${first.labels['alertname'] ?? ''} (${first.labels['service'] ?? ''}), since ${formatTime(Date.parse(first.startsAt), began)}`;
    out(`  ${formatTime(Date.now(), began)}  202  ${path.padEnd(22)}  ${what}`);
  }
  out(`  ${alerts} alerts in ${recording.deliveries.length} requests, each on disk before its 202\n`);
}

/** `T-4m` -> RFC 3339, four minutes before the replay began. */
function moveTimes(value: unknown, began: number): unknown {
  if (typeof value === 'string') {
    const relative = /^T-(.+)$/.exec(value);
    const before = relative === null ? undefined : parseDuration(relative[1] ?? '');
    return before === undefined ? value : new Date(began - before).toISOString();
  }
  if (Array.isArray(value)) return value.map((item) => moveTimes(item, began));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, moveTimes(item, began)]));
  }
  return value;
}

/** Polls the API until every immediate notification has been settled. */
async function settled(url: string, stopped: { raised: boolean }): Promise<Incident[]> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const { items } = await apiGet<{ items: Incident[] }>({ url }, '/api/v1/incidents?limit=20');
    const cascade = items.find((incident) => incident.rule === 'database_cascade');
    const now = Date.now();
    const waiting = items.some((incident) =>
      incident.notifications.some((notification) => notification.status === 'scheduled' && notification.dueAt <= now),
    );
    if ((cascade !== undefined && !waiting) || stopped.raised || now > deadline) return items;
    await pause(100);
  }
}

function showIncidents(incidents: readonly Incident[], out: (text: string) => void): void {
  const now = Date.now();
  const worst = [...incidents].sort((a, b) => a.severity.localeCompare(b.severity) || a.openedAt - b.openedAt);
  out(`INCIDENTS  ${worst.length}`);
  for (const incident of worst) {
    out(`  ${incident.number}  ${incident.severity} ${SEVERITY_NAMES[incident.severity]}  ${incident.status}`);
    const names = Object.entries(incident.alertNames).map(([name, count]) => (count > 1 ? `${count} × ${name}` : name));
    const rows = [
      ['rule', incident.rule],
      ['key', formatLabels(incident.key)],
      ['hint', incident.hint ?? ''],
      ['runbook', incident.runbook ?? ''],
      ['severity', incident.severityReason],
      ['started', `${formatTime(incident.startedAt, now)}, opened ${formatTime(incident.openedAt, now)}`],
      ['alerts', `${incident.memberCount}: ${names.join(', ')}`],
    ];
    for (const [name = '', value = ''] of rows) if (value !== '') out(`    ${`${name}:`.padEnd(10)}${value}`);
  }
  const notifications = worst.flatMap((incident) =>
    incident.notifications.map((notification) => ({ number: incident.number, ...notification })),
  );
  const told = notifications.filter((notification) => notification.status !== 'scheduled');
  const planned = notifications.filter((notification) => notification.status === 'scheduled');
  out(`\nNOTIFICATIONS SENT  ${told.length}   (no sink is configured, so they went to the sink "log")`);
  if (told.length > 0) {
    out(
      formatTable(
        ['  INCIDENT', 'SEV', 'ROLE', 'CHANNEL', 'SINK', 'STATE', 'AT', 'WHY'],
        told.map((one) => [
          `  ${one.number}`,
          one.severity,
          one.role,
          one.channel,
          one.sink,
          one.status,
          formatTime(one.at ?? one.dueAt, now),
          one.reason ?? '',
        ]),
      ),
    );
  }
  out(
    `\nNOTIFICATIONS SCHEDULED  ${planned.length}   (looked at again when due: skipped if the incident is over by then)`,
  );
  if (planned.length > 0) {
    out(
      formatTable(
        ['  INCIDENT', 'SEV', 'ROLE', 'CHANNEL', 'DUE', 'IN'],
        planned.map((one) => [
          `  ${one.number}`,
          one.severity,
          one.role,
          one.channel,
          formatTime(one.dueAt, now),
          formatDuration(Math.max(0, Math.round((one.dueAt - now) / 1000) * 1000)),
        ]),
      ),
    );
  }
  out('');
}
