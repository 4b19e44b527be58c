import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { OutboxPump } from '../../src/daemon/outbox-pump.js';
import type { Effect } from '../../src/domain/effect.js';
import type { DueEffect, Lease, PartitionStore } from '../../src/ports/store.js';

const lease: Lease = { partition: 0, owner: 'r1', fence: 1 };
const silent = pino({ level: 'silent' });

/** A store whose takeDue gives the scripted answers in turn, then nothing; `looked(n)` resolves at the n-th look. */
function scripted(answers: (DueEffect[] | null | Error)[]) {
  let looks = 0;
  const waiting: { at: number; resolve: () => void }[] = [];
  const store = {
    partition: 0,
    takeDue() {
      const answer = looks < answers.length ? (answers[looks] as DueEffect[] | null | Error) : [];
      looks += 1;
      for (const one of waiting) if (one.at <= looks) one.resolve();
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve(answer === null ? null : { due: answer, nextAt: null, now: Date.now() + 5_000 });
    },
  } as unknown as PartitionStore;
  const looked = (at: number): Promise<void> =>
    looks >= at ? Promise.resolve() : new Promise((resolve) => waiting.push({ at, resolve }));
  return { store, looked, looks: () => looks };
}

function carrier(fail = false) {
  const carried: DueEffect[] = [];
  return {
    carried,
    enqueue(_: number, due: readonly DueEffect[]): Promise<void> {
      if (fail) return Promise.reject(new Error('queue gone'));
      carried.push(...due);
      return Promise.resolve();
    },
  };
}

const effect = (id: string): DueEffect => ({ id, sink: 'log', handout: 1 });
const planned = (id: string, dueAt: number): Effect => ({ id, sink: 'log', dueAt }) as Effect;

describe('OutboxPump', () => {
  it('hands over what is due and looks again at once when something not handed out is due soon', async () => {
    const { store, looked } = scripted([[effect('a')], [effect('b')]]);
    const queue = carrier();
    const pump = new OutboxPump(queue, 1_000, silent);
    const running = pump.start(store, lease);
    await looked(1);
    pump.committed(0, [planned('p', 0)], undefined);
    await looked(2);
    await running.stop();
    expect(queue.carried.map((one) => one.id)).toEqual(['a', 'b']);
    expect(pump.clockOffsetMs).toBeGreaterThan(4_000);
  });

  it('survives a queue and a store that fail', async () => {
    const { store, looked } = scripted([new Error('redis gone'), [effect('a')]]);
    const pump = new OutboxPump(carrier(true), 1_000, silent);
    const running = pump.start(store, lease);
    await looked(1);
    pump.committed(0, [planned('p', 0)], undefined);
    await looked(2);
    await running.stop();
    expect(pump.failed).toBeUndefined();
  });

  it('says that the lease is lost', async () => {
    const { store, looked } = scripted([null]);
    const pump = new OutboxPump(carrier(), 1_000, silent);
    const running = pump.start(store, lease);
    await looked(1);
    await running.stop();
    expect(pump.failed?.message).toBe('the lease was lost');
  });

  it('holds effects back while the log is applied late, and lets go when it has caught up', async () => {
    const { store, looked, looks } = scripted([[effect('a')]]);
    const queue = carrier();
    const pump = new OutboxPump(queue, 1_000, silent);
    pump.lagging(90_000);
    const running = pump.start(store, lease);
    pump.committed(0, [planned('p', 0)], undefined);
    expect(looks()).toBe(0);
    pump.lagging(30_000);
    expect(looks()).toBe(0);
    pump.lagging(1_000);
    await looked(1);
    await running.stop();
    expect(queue.carried.map((one) => one.id)).toEqual(['a']);
  });

  it('carries what was handed out with the commit without a look, and leaves what is not due yet', async () => {
    const { store, looked, looks } = scripted([]);
    const queue = carrier();
    const pump = new OutboxPump(queue, 1_000, silent);
    const running = pump.start(store, lease);
    await looked(1);
    const effects = [planned('now', 100), planned('later', Date.now() + 3_600_000)];
    const handOut = pump.handOut(effects, 100);
    expect(handOut).toEqual({ effects: new Set(['now']), visibilityMs: 1_000 });
    pump.committed(0, effects, handOut);
    await running.stop();
    expect(queue.carried).toEqual([effect('now')]);
    expect(looks()).toBe(1);
  });

  it('hands nothing out with a commit while effects are held back', () => {
    const pump = new OutboxPump(carrier(), 1_000, silent);
    pump.lagging(90_000);
    expect(pump.handOut([planned('a', 0)], 100)).toBeUndefined();
    pump.lagging(1_000);
    expect(pump.handOut([planned('a', 0)], 100)?.effects).toEqual(new Set(['a']));
  });
});
