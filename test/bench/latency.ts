/**
 * Latency: from the instant an alert is handed to the sender until its page arrives at a local https receiver, for single
 * new critical alerts, each of its own service (its own group in Alertmanager, its own incident here), at fixed rates.
 */
import { join } from 'node:path';
import { makeCertificate } from './certificate.js';
import { startAlertmanager, startDaemon, type Contestant, type PageTarget } from './contestants.js';
import type { PaceResult } from './generator.js';
import { preparePace, runLoad } from './load.js';
import { nextMessage, startScript, until, type RunningProcess } from './processes.js';
import type { Arrivals } from './receiver.js';
import { quantile, reading, type Reading } from './statistics.js';
import type { Workload } from './workload.js';

export interface LatencyFigure {
  /** Milliseconds from alert to page. */
  readonly p50: Reading;
  readonly p99: Reading;
  /** Milliseconds from alert to the answer to its sender. */
  readonly ackP50: Reading;
  readonly ackP99: Reading;
  /** Pages that did not come within 30 s, over all rounds. */
  readonly missing: number;
  readonly repeats: number;
  /** New TLS connections per page: near 0 when connections are kept alive. */
  readonly connectionsPerPage: Reading;
}

export interface LatencyResult {
  readonly perSecond: number;
  readonly alerts: number;
  readonly figures: Readonly<Record<string, LatencyFigure>>;
}

export interface LatencyPlan {
  readonly rounds: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly contestants: readonly ('alertmanager' | 'tocsin')[];
}

interface Measured {
  readonly toPage: readonly number[];
  readonly toAnswer: readonly number[];
  readonly missing: number;
  readonly repeats: number;
  readonly connectionsPerPage: number;
}

function workloadOf(prefix: string, distinct: number): Omit<Workload, 'envelope'> {
  return { distinct, services: distinct, perBody: 1, prefix, startsAt: new Date().toISOString(), severity: 'critical' };
}

function collect(receiver: RunningProcess): Promise<Arrivals> {
  const arrivals = nextMessage<Arrivals>(receiver, 10_000);
  receiver.child.send('collect');
  return arrivals;
}

async function sendAndCollect(
  dir: string,
  contestant: Contestant,
  receiver: RunningProcess,
  plan: { readonly prefix: string; readonly posts: number; readonly perSecond: number },
): Promise<{ readonly sent: PaceResult; readonly arrivals: Arrivals }> {
  await collect(receiver);
  const load = await preparePace(dir, contestant, workloadOf(plan.prefix, plan.posts), plan.posts, plan.perSecond);
  const sent = await runLoad(load);
  if (sent.failed > 0) throw new Error(`${contestant.name} did not accept ${sent.failed} of ${plan.posts} alerts`);
  const atMs = new Map<number, number>();
  const total = { requests: 0, repeats: 0, connections: 0 };
  async function gather(): Promise<boolean> {
    const arrivals = await collect(receiver);
    for (const [number, at] of arrivals.atMs) {
      if (atMs.has(number)) total.repeats += 1;
      else atMs.set(number, at);
    }
    total.requests += arrivals.requests;
    total.repeats += arrivals.repeats;
    total.connections += arrivals.connections;
    return atMs.size >= plan.posts;
  }
  await until('all pages arrived', 30_000, gather, 250).catch(() => undefined); // what is missing is counted by the caller
  return { sent, arrivals: { atMs: [...atMs], ...total } };
}

async function measureOnce(
  dir: string,
  contestant: Contestant,
  receiver: RunningProcess,
  plan: LatencyPlan,
): Promise<Measured> {
  const warmUpPosts = plan.perSecond * 3;
  await sendAndCollect(dir, contestant, receiver, { prefix: 'warm', posts: warmUpPosts, perSecond: plan.perSecond });
  const posts = plan.perSecond * plan.seconds;
  const { sent, arrivals } = await sendAndCollect(dir, contestant, receiver, {
    prefix: 'lat',
    posts,
    perSecond: plan.perSecond,
  });
  const toPage = arrivals.atMs.flatMap(([number, at]) => {
    const begun = sent.sentAtMs[number];
    return begun === undefined ? [] : [at - begun];
  });
  return {
    toPage,
    toAnswer: sent.answeredAtMs.map((at, number) => at - (sent.sentAtMs[number] ?? Number.NaN)),
    missing: posts - toPage.length,
    repeats: arrivals.repeats,
    connectionsPerPage: arrivals.connections / Math.max(1, arrivals.requests),
  };
}

/** Runs the plan; `say` gets one line of progress per reading. */
export async function measureLatency(
  dir: string,
  plan: LatencyPlan,
  say: (line: string) => void,
): Promise<LatencyResult> {
  const certificate = makeCertificate(dir);
  const args = ['--cert', certificate.certFile, '--key', certificate.keyFile];
  const receiver = await startScript('./receiver.ts', join(dir, 'receiver.log'), args);
  const measured = new Map<string, Measured[]>(plan.contestants.map((name) => [name, []]));
  try {
    const { port } = await nextMessage<{ port: number }>(receiver, 20_000);
    const pages: PageTarget = { port, certificate };
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const name of plan.contestants) {
        const roundDir = join(dir, `${plan.perSecond}-${name}-${round}`);
        const contestant =
          name === 'tocsin'
            ? await startDaemon(roundDir, { pages })
            : await startAlertmanager(roundDir, { groupWait: '0s', pages });
        try {
          const once = await measureOnce(roundDir, contestant, receiver, plan);
          measured.get(name)?.push(once);
          const [p50, p99] = [quantile(once.toPage, 0.5), quantile(once.toPage, 0.99)];
          say(
            `latency ${plan.perSecond}/s ${round}/${plan.rounds} ${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms,` +
              ` ${once.missing} missing, ${once.repeats} repeated`,
          );
        } finally {
          await contestant.stop();
        }
      }
    }
  } finally {
    await receiver.stop();
  }
  const figures = Object.fromEntries(
    Array.from(measured, ([name, all]): [string, LatencyFigure] => [name, figureOf(all)]),
  );
  return { perSecond: plan.perSecond, alerts: plan.perSecond * plan.seconds, figures };
}

function figureOf(all: readonly Measured[]): LatencyFigure {
  return {
    p50: reading(all.map(({ toPage }) => quantile(toPage, 0.5))),
    p99: reading(all.map(({ toPage }) => quantile(toPage, 0.99))),
    ackP50: reading(all.map(({ toAnswer }) => quantile(toAnswer, 0.5))),
    ackP99: reading(all.map(({ toAnswer }) => quantile(toAnswer, 0.99))),
    missing: all.reduce((sum, { missing }) => sum + missing, 0),
    repeats: all.reduce((sum, { repeats }) => sum + repeats, 0),
    connectionsPerPage: reading(all.map(({ connectionsPerPage }) => connectionsPerPage)),
  };
}
