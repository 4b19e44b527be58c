/** The parent's side of the load generator. */
import { join } from 'node:path';
import type { Contestant } from './contestants.js';
import type { FloodResult, Order, PaceResult } from './generator.js';
import { nextMessage, startScript } from './processes.js';
import type { Workload } from './workload.js';

/** All generators of one measurement; `go` starts them together. */
export interface Load<Result> {
  go(): Promise<Result>;
  stop(): Promise<void>;
}

async function prepare<Result>(dir: string, order: Order, timeoutMs: number): Promise<Load<Result>> {
  const running = await startScript('./generator.ts', join(dir, 'generator.log'));
  const ready = nextMessage(running, 60_000);
  running.child.send({ say: 'build', order });
  await ready;
  return {
    go() {
      const result = nextMessage<Result>(running, timeoutMs);
      running.child.send({ say: 'go' });
      return result;
    },
    async stop() {
      await running.stop();
    },
  };
}

export function prepareFlood(
  dir: string,
  contestant: Contestant,
  workload: Omit<Workload, 'envelope'>,
  posts: number,
  connections: number,
): Promise<Load<FloodResult>> {
  const { port, path, headers, envelope } = contestant;
  const order = {
    kind: 'flood' as const,
    target: { port, path, headers, connections },
    workload: { ...workload, envelope },
    posts,
  };
  return prepare(dir, order, 180_000);
}

export function preparePace(
  dir: string,
  contestant: Contestant,
  workload: Omit<Workload, 'envelope'>,
  posts: number,
  perSecond: number,
): Promise<Load<PaceResult>> {
  const { port, path, headers, envelope } = contestant;
  const target = { port, path, headers, connections: 32 };
  const order = { kind: 'pace' as const, target, workload: { ...workload, envelope }, posts, perSecond };
  return prepare(dir, order, (posts / perSecond) * 1000 + 60_000);
}

/** Runs one prepared load and stops its generator, whatever happens. */
export async function runLoad<Result>(load: Load<Result>): Promise<Result> {
  try {
    return await load.go();
  } finally {
    await load.stop();
  }
}
