/**
 * Intake: how many alerts a second, ten a webhook on 32 keep-alive connections, until everything is committed; and how many
 * per CPU second of all processes of the server. Fresh server each time, warmed up first, the contestants in turn.
 */
import { join } from 'node:path';
import { startAlertmanager, startDaemon, startYardstick, type Contestant } from './contestants.js';
import type { FloodResult } from './generator.js';
import { prepareFlood, runLoad } from './load.js';
import { cpuSeconds } from './processes.js';
import { reading, type Reading } from './statistics.js';
import { bodyOf, type Workload } from './workload.js';

const CONNECTIONS = 32;
const PER_BODY = 10;
const SERVICES = 500;

export interface IntakeFigure {
  readonly alertsPerSecond: Reading;
  /** Until the last answer only: what the senders see. */
  readonly acknowledgedPerSecond: Reading;
  readonly alertsPerCpuSecond: Reading;
  readonly refused: number;
}

export interface IntakeResult {
  readonly variant: string;
  readonly alerts: number;
  readonly distinct: number;
  /** Bytes of one webhook body. */
  readonly bodyBytes: number;
  /** Alerts a second that the generator reaches against a server that does nothing. */
  readonly generatorCeiling: number;
  readonly figures: Readonly<Record<string, IntakeFigure>>;
}

export interface IntakePlan {
  readonly rounds: number;
  readonly posts: number;
  readonly variant: 'repeats' | 'new';
  /** Names of contestants; `alertmanager` only when installed. */
  readonly contestants: readonly ContestantName[];
}

export type ContestantName = 'json-only' | 'alertmanager' | 'tocsin';

const START: Readonly<Record<ContestantName, (dir: string) => Promise<Contestant>>> = {
  'json-only': (dir) => startYardstick(dir, 'json-only'),
  alertmanager: (dir) => startAlertmanager(dir, { groupWait: '30s' }),
  tocsin: (dir) => startDaemon(dir),
};

function workloadOf(plan: IntakePlan, prefix: string): Omit<Workload, 'envelope'> {
  const distinct = plan.variant === 'repeats' ? 20_000 : plan.posts * PER_BODY;
  return { distinct, services: SERVICES, perBody: PER_BODY, prefix, startsAt: new Date().toISOString() };
}

interface Measured {
  readonly flood: FloodResult;
  /** From the first byte sent until everything is committed. */
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function measureOnce(dir: string, contestant: Contestant, plan: IntakePlan): Promise<Measured> {
  const warmUp = { ...workloadOf(plan, 'warm'), distinct: 2_000, services: 50 };
  const { failed: warmUpFailed, firstProblem } = await runLoad(
    await prepareFlood(dir, contestant, warmUp, 4_000, CONNECTIONS),
  );
  if (warmUpFailed > 0)
    throw new Error(`${contestant.name} failed ${warmUpFailed} requests of the warm-up: ${firstProblem}`);
  await contestant.settled();
  const load = await prepareFlood(dir, contestant, workloadOf(plan, 'shop'), plan.posts, CONNECTIONS);
  try {
    const cpuBefore = cpuSeconds(contestant.pid);
    const flood = await load.go();
    await contestant.settled();
    const seconds = Number(process.hrtime.bigint() - BigInt(flood.startedNs)) / 1e9;
    return { flood, seconds, cpuSeconds: cpuSeconds(contestant.pid) - cpuBefore };
  } finally {
    await load.stop();
  }
}

async function generatorCeiling(dir: string, plan: IntakePlan): Promise<number> {
  const raw = await startYardstick(dir, 'raw');
  try {
    const flood = await runLoad(await prepareFlood(dir, raw, workloadOf(plan, 'shop'), plan.posts, CONNECTIONS));
    return (flood.accepted * PER_BODY) / flood.seconds;
  } finally {
    await raw.stop();
  }
}

/** Runs the plan; `say` gets one line of progress per reading. */
export async function measureIntake(dir: string, plan: IntakePlan, say: (line: string) => void): Promise<IntakeResult> {
  const alerts = plan.posts * PER_BODY;
  const ceiling = await generatorCeiling(join(dir, 'ceiling'), plan);
  const measured = new Map<ContestantName, Measured[]>(plan.contestants.map((name) => [name, []]));
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const name of plan.contestants) {
      const roundDir = join(dir, `${plan.variant}-${name}-${round}`);
      const contestant = await START[name](roundDir);
      try {
        const once = await measureOnce(roundDir, contestant, plan);
        if (once.flood.failed > 0)
          throw new Error(`${name} failed ${once.flood.failed} requests: ${once.flood.firstProblem}`);
        measured.get(name)?.push(once);
        const rate = Math.round(alerts / once.seconds);
        say(
          `intake ${plan.variant} ${round}/${plan.rounds} ${name}: ${rate} alerts/s, ${once.cpuSeconds.toFixed(2)} CPU s`,
        );
      } finally {
        await contestant.stop();
      }
    }
  }
  const figures = Object.fromEntries(
    Array.from(measured, ([name, all]): [string, IntakeFigure] => [
      name,
      {
        alertsPerSecond: reading(all.map(({ seconds }) => alerts / seconds)),
        acknowledgedPerSecond: reading(all.map(({ flood }) => alerts / flood.seconds)),
        alertsPerCpuSecond: reading(all.map(({ cpuSeconds: cpu }) => alerts / cpu)),
        refused: all.reduce((sum, { flood }) => sum + flood.refused, 0),
      },
    ]),
  );
  const workload = { ...workloadOf(plan, 'shop'), envelope: 'webhook' as const };
  const bodyBytes = bodyOf(workload, 0).length;
  return { variant: plan.variant, alerts, distinct: workload.distinct, bodyBytes, generatorCeiling: ceiling, figures };
}
