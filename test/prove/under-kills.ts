/** One run under kills: workload, killer, a last blackout for all at once, and the verdict. */
import { setTimeout as pause } from 'node:timers/promises';

import { Killer } from './killer.js';
import type { ProofOptions } from './options.js';
import type { Violation } from './oracle/violation.js';
import { EXPECTED_MATRIX } from './processes/settings.js';
import { Random } from './random.js';
import { countKills, formatDetails, formatReport, type RunRecord } from './report.js';
import { System } from './system.js';
import { awaitVerdict } from './witness.js';
import { Ledger } from './workload/ledger.js';
import { Senders } from './workload/sender.js';

/** A slow machine may need longer for its kills, but not for ever. */
const LONGEST_STRETCH = 2.75;
const FINISH_WITHIN_MS = 45_000;
const SETTLE_WITHIN_MS = 60_000;
const CONTROL_SETTLES_WITHIN_MS = 15_000;
const PROGRESS_EVERY_MS = 10_000;

/** True when the run passed: for a control, when it reported violations. */
export async function proveUnderKills(options: ProofOptions, dir: string): Promise<boolean> {
  const random = new Random(options.seed);
  const system = await System.start({
    dir,
    dist: options.dist,
    random: random.fork(),
    appendfsync: options.control === 'everysec' ? 'everysec' : 'always',
    powerCuts: options.powerCuts,
    naiveCommit: options.control === 'naive-commit',
    armed: true,
  });
  try {
    const record = await runUnderKills(options, system, random);
    process.stdout.write(`${formatReport(record)}\n`);
    const { violations } = record.verdict;
    if (violations.length > 0) process.stdout.write(`The first of each kind\n${formatDetails(violations)}\n`);
    return options.control === undefined ? judgeProof(record, options) : judgeControl(options.control, violations);
  } finally {
    await system.stop();
  }
}

async function runUnderKills(options: ProofOptions, system: System, random: Random): Promise<RunRecord> {
  const ledger = new Ledger();
  const senders = new Senders({
    random: random.fork(),
    ledger,
    intakes: system.intakes,
    storiesPerSecond: 12,
    mostAtOnce: 80,
  });
  const from = performance.now();
  // aims a little ahead, so that the last kills are not a matter of luck
  const longest = options.minutes * 60_000 * LONGEST_STRETCH;
  const killer = new Killer({
    random: random.fork(),
    replicas: system.replicas,
    receivers: system.receivers.processes,
    redis: system.redis.process,
    behind: () => countKills(system.endings()) < (1.1 * options.leastKills * (performance.now() - from)) / longest,
    everyMs: { least: 60, most: 260 },
  });
  const ending = new AbortController();
  const both = Promise.all([senders.run(ending.signal), killer.run(ending.signal)]);
  let nextProgress = from + PROGRESS_EVERY_MS;
  for (;;) {
    await pause(250);
    const elapsed = performance.now() - from;
    const kills = countKills(system.endings());
    if (performance.now() > nextProgress) {
      nextProgress += PROGRESS_EVERY_MS;
      process.stdout.write(
        `${Math.round(elapsed / 1_000)} s: ${kills} kills, ${ledger.acknowledgedDeliveries} acknowledged\n`,
      );
    }
    const tried = kills >= options.leastKills && ledger.acknowledgedDeliveries >= options.leastDeliveries;
    if ((elapsed >= options.minutes * 60_000 && tried) || elapsed >= longest) break;
  }
  ending.abort();
  await both;
  const killingMs = performance.now() - from;
  system.killEverything();
  await senders.finish(FINISH_WITHIN_MS);
  const truths = ledger.truths();
  const testimony = {
    truths,
    statements: ledger.statements(),
    events: ledger.events(),
    refusals: ledger.refusals,
    matrix: EXPECTED_MATRIX,
  };
  const limit = options.control === undefined ? SETTLE_WITHIN_MS : CONTROL_SETTLES_WITHIN_MS;
  const verdict = await awaitVerdict(system, testimony, limit);
  return {
    seed: options.seed,
    title: options.control === undefined ? 'Proof under kills' : `Control: ${options.control}`,
    killingMs,
    endings: system.endings(),
    freezes: killer.freezes,
    powerCuts: system.redis.lost,
    ledger,
    truths,
    verdict,
  };
}

/** Enough must have happened for "nothing was lost" to mean something. */
function findShortfalls(record: RunRecord, options: ProofOptions): string[] {
  const kills = countKills(record.endings);
  const redisKills = record.endings.filter(({ kind, by }) => kind === 'redis' && by === 'killer').length;
  const points = new Set(record.endings.filter(({ by }) => by === 'failpoint').map(({ what }) => what));
  const alerts = record.truths.reduce((sum, truth) => sum + truth.alerts.length, 0);
  const complete = record.truths.filter((truth) => truth.complete).length;
  const least = (what: string, count: number, wanted: number): string[] =>
    count >= wanted ? [] : [`only ${count} ${what}, at least ${Math.round(wanted)} are needed`];
  const { minutes } = options;
  return [
    ...least('kills', kills, options.leastKills),
    ...least('kills of Redis', redisKills, minutes * 15),
    ...least('freezes', record.freezes.length, minutes * 8),
    ...least('different failpoints that killed', points.size, minutes >= 1 ? 12 : 1),
    ...least('alerts acknowledged', alerts, minutes * 1_000),
    ...least('complete scenarios', complete, minutes * 200),
    ...least('percent of the scenarios complete', Math.round((100 * complete) / record.truths.length), 95),
  ];
}

function judgeProof(record: RunRecord, options: ProofOptions): boolean {
  const { violations } = record.verdict;
  const shortfalls = findShortfalls(record, options);
  for (const shortfall of shortfalls) process.stdout.write(`NOT ENOUGH: ${shortfall}\n`);
  if (violations.length > 0) process.stdout.write(`FAILED: ${violations.length} violations\n`);
  const passed = violations.length === 0 && shortfalls.length === 0;
  if (passed) process.stdout.write('PASSED: nothing lost, nothing doubled, nothing wrong\n');
  return passed;
}

const LOSS_OR_DOUBLE: ReadonlySet<string> = new Set([
  'log-entry-lost',
  'alert-lost',
  'alert-twice',
  'incident-missing',
  'incident-extra',
  'incident-members',
  'notification-lost',
]);

function judgeControl(control: string, violations: readonly Violation[]): boolean {
  const seen = violations.filter((violation) => LOSS_OR_DOUBLE.has(violation.kind)).length;
  if (seen > 0) process.stdout.write(`control ${control} reported ${seen} losses or doubles, as it must\n`);
  else process.stdout.write(`FAILED: control ${control} reported no loss and no double; the harness is blind\n`);
  return seen > 0;
}
