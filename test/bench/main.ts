/**
 * `npm run bench`: intake, latency and memory of the daemon against a JSON-only fastify route and against Alertmanager (where
 * it is installed), as ratios of one run on one machine. docs/performance.md says how to read it.
 *
 *   --only intake|latency|memory   one part        --quick       one short round each, to see that it works
 *   --rounds N   default 3                         --json FILE   all readings
 *   --peers-only the other servers alone           --keep        keep the folder with the logs
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DAEMON, findAlertmanager } from './contestants.js';
import { measureIntake, type IntakeResult } from './intake.js';
import { measureLatency, type LatencyResult } from './latency.js';
import { machineFacts } from './machine.js';
import { measureMemory, type MemoryResult } from './memory.js';
import { intakeVerdicts, latencyVerdicts, memoryVerdicts, renderReport } from './report.js';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    'peers-only': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function refuse(problem: string): never {
  say(problem);
  process.exit(2);
}

const PARTS = ['intake', 'latency', 'memory'];
if (options.only !== undefined && !PARTS.includes(options.only)) refuse(`--only takes one of ${PARTS.join(', ')}`);
const rounds = options.quick ? 1 : Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1) refuse('--rounds takes a whole number from 1');
if (process.platform !== 'linux')
  refuse('The bench reads CPU time and memory from /proc and therefore runs on Linux only.');
const withDaemon = !options['peers-only'];
if (withDaemon && !existsSync(DAEMON)) refuse('There is no dist/main.js: run `npm run build` first.');
const withAlertmanager = findAlertmanager() !== undefined;
if (!withAlertmanager) {
  say(
    'Alertmanager is not installed (apt-get install prometheus-alertmanager): only the ratio to the JSON-only route is measured.',
  );
}

function wants(part: string): boolean {
  return options.only === undefined || options.only === part;
}

function parentDir(name: string): string {
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  return dir;
}

const root = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
const begun = performance.now();
const peers = [...(withAlertmanager ? (['alertmanager'] as const) : []), ...(withDaemon ? (['tocsin'] as const) : [])];
let finished = false;
try {
  const machine = machineFacts();
  const intake: IntakeResult[] = [];
  const latency: LatencyResult[] = [];
  let memory: MemoryResult | undefined;
  if (wants('intake')) {
    for (const variant of ['repeats', 'new'] as const) {
      const posts = options.quick ? 4_000 : 30_000;
      intake.push(
        await measureIntake(parentDir('intake'), { rounds, posts, variant, contestants: ['json-only', ...peers] }, say),
      );
    }
  }
  if (wants('latency')) {
    for (const perSecond of [200, 1_000]) {
      const seconds = options.quick ? 3 : 10;
      latency.push(await measureLatency(parentDir('latency'), { rounds, perSecond, seconds, contestants: peers }, say));
    }
  }
  if (wants('memory')) {
    const alerts = options.quick ? 10_000 : 100_000;
    const plan = { rounds, alerts, settleSeconds: options.quick ? 10 : 30, contestants: peers };
    memory = await measureMemory(parentDir('memory'), plan, say);
  }
  const verdicts = [
    ...intake.flatMap(intakeVerdicts),
    ...latency.flatMap(latencyVerdicts),
    ...(memory === undefined ? [] : memoryVerdicts(memory)),
  ];
  const report = { machine, intake, latency, ...(memory === undefined ? {} : { memory }), verdicts };
  process.stdout.write(`${renderReport(report)}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  say(`took ${Math.round((performance.now() - begun) / 1000)} s`);
  finished = true;
} finally {
  if (options.keep || !finished) say(`logs: ${root}`);
  else rmSync(root, { recursive: true, force: true });
}
