/**
 * Memory: resident size with 100,000 active alerts, after all were notified and the server was left alone for a while.
 * Alertmanager groups them by service and sends its groups to a local webhook; the daemon opens one incident a service.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeCertificate } from './certificate.js';
import { startAlertmanager, startDaemon, type Contestant } from './contestants.js';
import { prepareFlood, runLoad } from './load.js';
import { nextMessage, residentBytes, startScript } from './processes.js';
import { median, reading, type Reading } from './statistics.js';

const SERVICES = 500;

export interface MemoryFigure {
  /** Bytes of all processes together. */
  readonly total: Reading;
  /** Bytes by program name. */
  readonly byProgram: Readonly<Record<string, Reading>>;
}

export interface MemoryResult {
  readonly alerts: number;
  readonly settleSeconds: number;
  readonly figures: Readonly<Record<string, MemoryFigure>>;
}

export interface MemoryPlan {
  readonly rounds: number;
  readonly alerts: number;
  /** Seconds between the last commit or notification and the first sample; ten samples follow, one a second. */
  readonly settleSeconds: number;
  readonly contestants: readonly ('alertmanager' | 'tocsin')[];
}

/** Medians of ten samples, one a second, by program name. */
async function sampleMemory(pid: number): Promise<ReadonlyMap<string, number>> {
  const samples = new Map<string, number[]>();
  for (let taken = 0; taken < 10; taken += 1) {
    for (const [program, bytes] of residentBytes(pid)) samples.set(program, [...(samples.get(program) ?? []), bytes]);
    await delay(1_000);
  }
  return new Map(Array.from(samples, ([program, values]) => [program, median(values)]));
}

async function measureOnce(
  dir: string,
  contestant: Contestant,
  plan: MemoryPlan,
): Promise<ReadonlyMap<string, number>> {
  const workload = {
    distinct: plan.alerts,
    services: SERVICES,
    perBody: 10,
    prefix: 'mem',
    startsAt: new Date().toISOString(),
  };
  const { failed, firstProblem } = await runLoad(await prepareFlood(dir, contestant, workload, plan.alerts / 10, 32));
  if (failed > 0) throw new Error(`${contestant.name} failed ${failed} requests: ${firstProblem}`);
  await contestant.settled();
  await delay(plan.settleSeconds * 1000);
  return sampleMemory(contestant.pid);
}

/** Runs the plan; `say` gets one line of progress per reading. */
export async function measureMemory(dir: string, plan: MemoryPlan, say: (line: string) => void): Promise<MemoryResult> {
  mkdirSync(dir, { recursive: true });
  const certificate = makeCertificate(dir);
  const receiver = await startScript('./receiver.ts', join(dir, 'receiver.log'), [
    '--cert',
    certificate.certFile,
    '--key',
    certificate.keyFile,
  ]);
  const measured = new Map<string, ReadonlyMap<string, number>[]>(plan.contestants.map((name) => [name, []]));
  try {
    const { port } = await nextMessage<{ port: number }>(receiver, 20_000);
    for (let round = 1; round <= plan.rounds; round += 1) {
      // Memory does not compete as CPU does: both settle at the same time, which halves the run.
      await Promise.all(
        plan.contestants.map(async (name) => {
          const roundDir = join(dir, `${name}-${round}`);
          const pages = { port, certificate };
          const contestant =
            name === 'tocsin'
              ? await startDaemon(roundDir, { pages })
              : await startAlertmanager(roundDir, { groupWait: '5s', pages });
          try {
            const sizes = await measureOnce(roundDir, contestant, plan);
            measured.get(name)?.push(sizes);
            const parts = Array.from(sizes, ([program, bytes]) => `${program} ${(bytes / 1e6).toFixed(0)} MB`);
            say(`memory ${round}/${plan.rounds} ${name}: ${parts.join(' + ')}`);
          } finally {
            await contestant.stop();
          }
        }),
      );
    }
  } finally {
    await receiver.stop();
  }
  const figures = Object.fromEntries(
    Array.from(measured, ([name, all]): [string, MemoryFigure] => [name, figureOf(all)]),
  );
  return { alerts: plan.alerts, settleSeconds: plan.settleSeconds, figures };
}

function figureOf(all: readonly ReadonlyMap<string, number>[]): MemoryFigure {
  const programs = new Set(all.flatMap((sizes) => [...sizes.keys()]));
  return {
    total: reading(all.map((sizes) => Array.from(sizes.values()).reduce((sum, bytes) => sum + bytes, 0))),
    byProgram: Object.fromEntries(
      Array.from(programs, (program) => [program, reading(all.map((sizes) => sizes.get(program) ?? 0))]),
    ),
  };
}
