import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { EngineThreadData } from '../../src/daemon/engine-thread.js';
import { superviseEngine, type EngineSupervisor } from '../../src/daemon/supervisor.js';

const program = new URL('../fixtures/threads/engine.mjs', import.meta.url);
let supervisor: EngineSupervisor | undefined;

afterEach(async () => {
  await supervisor?.stop();
});

/** Resolves with the reason of the first restart. */
function supervise(replica: string): Promise<string> {
  const data = { replica } as unknown as Omit<EngineThreadData, 'current' | 'suspect'>;
  return new Promise((resolve) => {
    supervisor = superviseEngine({
      data: () => data,
      logger: pino({ level: 'silent' }),
      stallMs: 1_000,
      stopMs: 2_000,
      maxHeapMb: 64,
      onRestart: resolve,
      program,
    });
  });
}

/** What the running thread was told to suspect; asks until a thread answers. */
async function suspectOfSuccessor(): Promise<unknown> {
  for (;;) {
    const [snapshot] = (await supervisor?.metricsSnapshot()) ?? [];
    const help = (snapshot?.[0] as { help: string } | undefined)?.help;
    if (help !== undefined && help !== 'null') return JSON.parse(help);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('superviseEngine', () => {
  it.each([
    ['spins', /did not answer for 1000 ms/],
    ['throws', /broken/],
    ['allocates', /memory/],
  ])('starts a new thread when the old one %s, and names the entry in hand to it', async (replica, reason) => {
    expect(await supervise(replica)).toMatch(reason);
    expect(await suspectOfSuccessor()).toEqual({ partition: 2, entry: '1700000000000-7' });
  });

  it('restarts on demand without suspecting anything, and stops', async () => {
    let restarts = 0;
    void supervise('behaves').then(() => (restarts += 1));
    await supervisor?.metricsSnapshot();
    await supervisor?.restart();
    const [snapshot] = (await supervisor?.metricsSnapshot()) ?? [];
    await supervisor?.stop();
    expect((snapshot?.[0] as { help?: string } | undefined)?.help ?? 'null').toBe('null');
    expect(restarts).toBe(0);
    expect(await supervisor?.metricsSnapshot()).toEqual([]);
  });
});
