/**
 * `npm run e2e:alertmanager`: a real Prometheus and a real Alertmanager (from apt) in front of the daemon. A cascade fires;
 * then the daemon is away for a minute while alerts fire and resolve; when it is back, everything that Alertmanager held must
 * have arrived, made the right incident, and nothing twice. Installs nothing.
 *
 *   --down 60s   how long the daemon is away (at least 30s)      --keep   keep the folder with the logs
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { parseDuration } from '../../src/domain/duration.js';
import { findProgram } from '../bench/contestants.js';
import { freePort } from '../bench/processes.js';
import { createChecklist } from './checklist.js';
import { PROGRAM, prepareHome, startDaemon } from './daemon.js';
import { startApplication } from './faults.js';
import { createJudge } from './judge.js';
import { failedRequests, startAlertmanager, startPrometheus } from './senders.js';
import { watchAlertmanager } from './witness.js';

/** What came and went while the daemon was away, and is evidence of nothing: alert/service. */
const ONLY_OVER = ['DiskSpaceLow/ghost', 'CertificateExpiresSoon/search'];
const TOKEN = 'e2e-bearer-token-of-the-real-alertmanager';

const { values: options } = parseArgs({
  options: { down: { type: 'string', default: '60s' }, keep: { type: 'boolean', default: false } },
});

function refuse(problem: string): never {
  console.error(problem);
  process.exit(2);
}

function need(packageName: string, ...names: readonly string[]): string {
  const program = findProgram(...names);
  if (program === undefined)
    refuse(`${names.join(' or ')} is not on the PATH. Install it with: apt-get install ${packageName}`);
  return program;
}

const downMs = parseDuration(options.down) ?? refuse(`--down takes a duration such as 60s, not ${options.down}`);
if (downMs < 30_000) refuse('--down must be at least 30s: Alertmanager repeats a failed request for up to 10 s');
const prometheusProgram = need('prometheus', 'prometheus');
const alertmanagerProgram = need('prometheus-alertmanager', 'prometheus-alertmanager', 'alertmanager');
need('redis-server', 'valkey-server', 'redis-server');
if (!existsSync(PROGRAM)) refuse('There is no dist/main.js: run `npm run build` first.');

const root = mkdtempSync(join(tmpdir(), 'tocsin-e2e-'));
/** What to stop, last started first. */
const undo: (() => Promise<unknown>)[] = [];
const list = createChecklist((line) => console.log(line));
let failures = 1;
try {
  const home = prepareHome(join(root, 'tocsin'), await freePort(), TOKEN);
  const application = await startApplication();
  undo.push(() => application.close());
  let daemon = await startDaemon(home);
  undo.push(() => daemon.stop());
  const alertmanager = await startAlertmanager(join(root, 'alertmanager'), alertmanagerProgram, {
    url: `${home.base}/webhooks/alertmanager`,
    token: TOKEN,
  });
  undo.push(() => alertmanager.stop());
  const prometheus = await startPrometheus(join(root, 'prometheus'), prometheusProgram, {
    application: application.port,
    alertmanager: alertmanager.base,
  });
  undo.push(() => prometheus.stop());
  const witness = watchAlertmanager(application, alertmanager);
  undo.push(() => witness.stop());
  const judge = createJudge(home, witness, list);

  list.section('A cascade fires (Prometheus → Alertmanager → daemon)');
  await Promise.all([
    witness.fire('PostgresConnectionPoolExhausted', 'checkout'),
    witness.fire('PostgresConnectionPoolExhausted', 'orders'),
    witness.fire('DiskSpaceLow', 'search'),
    witness.fire('DiskSpaceLow', 'mail'),
  ]);
  await judge.eventually(
    'one alert opens a fallback incident at once',
    'checkout',
    ({ incident }) => incident.rule === 'fallback',
  );
  await witness.fire('APILatencyHigh', 'checkout');
  await witness.fire('ErrorRateSpike', 'checkout');
  await judge.eventually(
    'the completed cascade is database_cascade, P1, with its hint and runbook',
    'checkout',
    ({ incident }) =>
      incident.rule === 'database_cascade' &&
      incident.severity === 'P1' &&
      incident.hint === 'database_connection_exhaustion' &&
      incident.runbook === 'runbook-db-connection-pool',
  );
  await judge.members('checkout', ['PostgresConnectionPoolExhausted', 'APILatencyHigh', 'ErrorRateSpike']);
  await judge.eventually(
    'an unmatched alert is a fallback incident',
    'search',
    ({ incident }) => incident.rule === 'fallback',
  );
  await judge.eventually(
    'orders has only its first alert so far',
    'orders',
    ({ incident }) => incident.rule === 'fallback',
  );
  await judge.eventually('mail has its incident', 'mail', ({ incident }) => incident.status === 'open');
  const before = await judge.idsByService();

  list.section(`The daemon is away for ${options.down} while alerts fire and resolve`);
  const failedBefore = await failedRequests(alertmanager);
  const stopped = await daemon.stop();
  const awaySince = Date.now();
  list.check('SIGTERM ends it under 10 s with exit code 0', stopped.exitCode === 0 && stopped.tookMs < 10_000, stopped);
  list.check('no process of it is left behind', stopped.leftBehind.length === 0, stopped.leftBehind);
  await Promise.all([
    witness.resolve('PostgresConnectionPoolExhausted', 'checkout'),
    witness.resolve('APILatencyHigh', 'checkout'),
    witness.resolve('ErrorRateSpike', 'checkout'),
    witness.fire('APILatencyHigh', 'orders'),
    witness.fire('PostgresConnectionPoolExhausted', 'billing'),
    witness.fire('CertificateExpiresSoon', 'search'),
    witness.fire('DiskSpaceLow', 'ghost'),
    witness.resolve('DiskSpaceLow', 'mail'),
  ]);
  await delay(Math.max(0, awaySince + downMs * 0.3 - Date.now()));
  await Promise.all([
    witness.fire('ErrorRateSpike', 'orders'),
    witness.fire('APILatencyHigh', 'billing'),
    witness.resolve('CertificateExpiresSoon', 'search'),
    witness.resolve('DiskSpaceLow', 'ghost'),
    witness.fire('DiskSpaceLow', 'mail'),
  ]);
  await witness.resolve('ErrorRateSpike', 'orders');
  await witness.fire('ErrorRateSpike', 'billing');
  await delay(Math.max(0, awaySince + downMs - Date.now()));
  const failedMeanwhile = (await failedRequests(alertmanager)) - failedBefore;
  list.check('Alertmanager tried and failed meanwhile', failedMeanwhile > 0, failedMeanwhile);
  const backAt = Date.now();
  daemon = await startDaemon(home);

  list.section('It is back on the same data');
  await judge.ended(
    'checkout',
    'every resolve that happened meanwhile arrived, with the time it really happened',
    backAt,
  );
  await judge.eventually('checkout is resolved', 'checkout', ({ incident }) => incident.status === 'resolved');
  await judge.eventually(
    'orders became database_cascade from an alert of before and two of meanwhile',
    'orders',
    ({ incident }) => incident.rule === 'database_cascade' && incident.status === 'open',
  );
  await judge.members('orders', ['PostgresConnectionPoolExhausted', 'APILatencyHigh', 'ErrorRateSpike']);
  await judge.eventually(
    'billing, unknown before, is database_cascade and open',
    'billing',
    ({ incident }) => incident.rule === 'database_cascade' && incident.status === 'open',
  );
  await judge.members('billing', ['PostgresConnectionPoolExhausted', 'APILatencyHigh', 'ErrorRateSpike']);
  await judge.eventually(
    'billing began when the alert began, not when the daemon heard of it',
    'billing',
    ({ incident }) => incident.startedAt < backAt && incident.startedAt >= awaySince - 5_000,
  );
  // Alertmanager tells of an alert that came and went only that it is over: evidence like any other, but no incident of its own.
  await judge.ended('orders', 'the evidence that came and went meanwhile is a closed member with its end', backAt, [
    'ErrorRateSpike',
  ]);
  await judge.members('search', ['DiskSpaceLow']);
  await judge.recordedAsOver('CertificateExpiresSoon', 'search');
  await judge.eventually(
    'mail, which resolved and fired again meanwhile, is still one firing alert in one open incident',
    'mail',
    ({ incident }) => incident.status === 'open' && incident.firingCount === 1,
  );
  await judge.everyEpisodeArrived(ONLY_OVER);
  await judge.sameIncidents(before);
  await judge.nothingOpenFor('ghost', 'what came and went before Alertmanager could tell opened nothing');

  list.section('Everything resolves while it is up');
  await Promise.all([
    ...(['orders', 'billing'] as const).flatMap((service) => [
      witness.resolve('PostgresConnectionPoolExhausted', service),
      witness.resolve('APILatencyHigh', service),
    ]),
    witness.resolve('ErrorRateSpike', 'billing'),
    witness.resolve('DiskSpaceLow', 'search'),
    witness.resolve('DiskSpaceLow', 'mail'),
  ]);
  for (const service of ['orders', 'billing', 'search', 'mail']) {
    await judge.ended(service, `every resolve of ${service} arrived`, Date.now());
    await judge.eventually(`${service} is resolved`, service, ({ incident }) => incident.status === 'resolved');
  }

  list.section('Nothing lost, nothing doubled');
  await judge.everyEpisodeArrived(ONLY_OVER);
  await judge.nothingDoubled(['checkout', 'orders', 'billing', 'search', 'mail']);
  await judge.nothingRefused();
  failures = list.finish();
} catch (error) {
  list.check('the run came to its end', false, error instanceof Error ? error.message : String(error));
  failures = list.finish();
} finally {
  for (const stop of undo.reverse()) await stop().catch((error: unknown) => console.error(error));
  if (options.keep || failures > 0) console.log(`logs: ${root}`);
  else rmSync(root, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
