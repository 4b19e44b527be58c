import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../src/errors.js';
import type { ActionResult } from '../../src/ports/sink.js';
import type { Outbox } from '../../src/ports/store.js';
import { startRedis, type TestRedis } from '../kit/redis.js';
import { effect } from '../store/samples.js';
import { OK, TRY_AGAIN, openRig, type Rig } from './rig.js';

let server: TestRedis;
let rig: Rig;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  rig = await openRig(server);
});
afterEach(() => rig.close());

/** Redis does it, and the answer is lost, `times` times. */
function losingAnswers(outbox: Outbox, method: 'claim' | 'settle' | 'release', times: number): Outbox {
  let left = times;
  const lose = async <T>(done: Promise<T>, lossy: boolean): Promise<T> => {
    const answer = await done;
    if (!lossy || left === 0) return answer;
    left -= 1;
    throw new StoreError('the answer was lost');
  };
  return {
    claim: (...args) => lose(outbox.claim(...args), method === 'claim'),
    settle: (...args) => lose(outbox.settle(...args), method === 'settle'),
    release: (...args) => lose(outbox.release(...args), method === 'release'),
  };
}

describe('one effect', () => {
  it('is delivered, its result is in the log, and the outbox is empty', async () => {
    await rig.work();
    rig.sink.answer = () => ({ ok: true, detail: 'taken', ref: { ts: '1.2' } });
    await rig.plan([effect('n1')]);
    await rig.sweep();
    const settled = await rig.next('settled');
    expect(settled).toMatchObject({ outcome: 'sent', attempts: 1, kept: true });
    expect(rig.sink.deliveries).toHaveLength(1);
    expect(rig.sink.deliveries[0]).toMatchObject({
      notification: {
        effect: 'n1',
        number: 'INC-20261122-i1',
        link: 'http://tocsin.example/api/v1/incidents/INC-20261122-i1',
      },
      context: { attempt: 1, mayRepeat: false },
    });
    expect(await rig.results()).toEqual([
      {
        v: 1,
        kind: 'result',
        effect: 'n1',
        incident: 'i1',
        outcome: 'sent',
        reason: 'taken',
        attempts: 1,
        ref: { ts: '1.2' },
      },
    ]);
    expect(await rig.sweep()).toBe(0);
  });

  it('is skipped with the reason when the incident is over by then', async () => {
    await rig.work();
    await rig.plan([effect('n1', { plannedAt: 0, dueAt: 900_000 })], { status: 'resolved', resolvedAt: 60_000 });
    const settled = await rig.drive('n1');
    expect(settled).toMatchObject({
      outcome: 'skipped',
      reason: 'resolved 00:01:00Z, before the delay of 15m was over',
      attempts: 0,
    });
    expect(rig.sink.deliveries).toEqual([]);
    expect(await rig.results()).toMatchObject([{ outcome: 'skipped', attempts: 0 }]);
  });

  it('is tried again after a failure that may pass, and told when it may repeat', async () => {
    await rig.work();
    const answers: ActionResult[] = [TRY_AGAIN, { ...TRY_AGAIN, reason: 'network', unknownOutcome: true }, TRY_AGAIN];
    rig.sink.answer = () => answers.shift() ?? OK;
    await rig.plan([effect('n1')]);
    expect(await rig.drive('n1')).toMatchObject({ outcome: 'sent', attempts: 4 });
    expect(rig.sink.deliveries.map(({ context: { attempt, mayRepeat } }) => [attempt, mayRepeat])).toEqual([
      [1, false],
      [2, false],
      [3, true],
      [4, true],
    ]);
    const retries = rig.events.filter((event) => event.type === 'retry');
    expect(retries.map(({ delayMs, reason }) => [delayMs, reason])).toEqual([
      [10, 'server'],
      [20, 'network'],
      [20, 'server'],
    ]);
  });

  it('waits as long as the receiver asks', async () => {
    await rig.work();
    rig.sink.answer = () => ({ ...TRY_AGAIN, reason: 'rate-limited', retryAfterMs: 60_000 });
    await rig.plan([effect('n1')]);
    await rig.sweep();
    expect((await rig.next('retry')).delayMs).toBe(60_010);
    expect(await rig.sweep()).toBe(0);
  });

  it.each([
    ['a failure for good', () => ({ ...TRY_AGAIN, retry: false, reason: 'auth' as const }), {}, 'answered 500', 1],
    [
      'a pause beyond its end',
      () => ({ ...TRY_AGAIN, retryAfterMs: 600_000 }),
      { expiresAt: Date.now() + 300_000 },
      'gave up after 1 attempts: answered 500',
      1,
    ],
    ['its end', () => OK, { expiresAt: 1 }, 'not delivered before it expired, 0 attempts', 0],
    ['a sink that is gone', () => OK, { sink: 'pager' }, 'the sink pager is not configured any more', 0],
  ])('ends as failed on %s', async (_case, answer, overrides, reason, deliveries) => {
    await rig.work();
    rig.sink.answer = answer;
    await rig.plan([effect('n1', overrides)]);
    expect(await rig.drive('n1')).toMatchObject({ outcome: 'failed', reason });
    expect(rig.sink.deliveries).toHaveLength(deliveries);
    expect(await rig.results()).toMatchObject([{ outcome: 'failed', reason }]);
  });

  it('survives a sink that throws', async () => {
    await rig.work();
    rig.sink.answer = (_notification, { attempt }) => {
      if (attempt === 1) throw new Error('a bug');
      return OK;
    };
    await rig.plan([effect('n1')]);
    expect(await rig.drive('n1')).toMatchObject({ outcome: 'sent', attempts: 2 });
    expect(rig.events.find((event) => event.type === 'retry')).toMatchObject({ detail: 'the sink slack threw: a bug' });
  });

  it('aborts a delivery at its deadline, also when the sink does not listen', async () => {
    await rig.work({ claimTtlMs: 300 });
    let heard: unknown;
    rig.sink.answer = (_notification, { attempt, signal }) => {
      if (attempt > 1) return OK;
      signal.addEventListener('abort', () => {
        heard = signal.reason as unknown;
      });
      return new Promise(() => undefined);
    };
    await rig.plan([effect('n1')]);
    expect(await rig.drive('n1')).toMatchObject({ outcome: 'sent' });
    expect(heard).toMatchObject({ name: 'TimeoutError' });
    expect(rig.sink.deliveries.at(-1)?.context.mayRepeat).toBe(true);
  });
});

describe('a lane', () => {
  it('never runs two effects at once, and the resolve goes out after the trigger', async () => {
    await rig.work();
    let finish: (result: ActionResult) => void = () => undefined;
    rig.sink.answer = ({ action }) => (action === 'trigger' ? new Promise((resolve) => (finish = resolve)) : OK);
    await rig.plan([effect('n1'), effect('n2', { action: 'resolve' })]);
    await rig.sweep();
    const held = await Promise.race([rig.next('passed'), rig.next('settled')]);
    if (held.type === 'settled') {
      // the resolve came first: there was nothing to resolve yet
      expect(held).toMatchObject({ outcome: 'skipped', reason: 'nothing was sent to resolve' });
      finish(OK);
      return;
    }
    expect(held).toMatchObject({ effect: 'n2', status: 'lane-busy' });
    finish(OK);
    expect(await rig.drive('n2')).toMatchObject({ outcome: 'sent' });
    expect(rig.sink.deliveries.map(({ notification }) => notification.effect)).toEqual(['n1', 'n2']);
  });

  it('skips a trigger whose resolve was attempted', async () => {
    await rig.work();
    await rig.plan([effect('n1'), effect('n2', { action: 'resolve' }), effect('n3')]);
    rig.sink.answer = ({ effect: id }) =>
      id === 'n1' ? { ...TRY_AGAIN, unknownOutcome: true, retryAfterMs: 500 } : OK;
    await rig.relay.enqueue(0, [{ id: 'n1', sink: 'slack', handout: 1 }]);
    await rig.next('retry');
    await rig.relay.enqueue(0, [{ id: 'n2', sink: 'slack', handout: 1 }]);
    expect(await rig.next('settled')).toMatchObject({ outcome: 'sent' });
    await rig.relay.enqueue(0, [{ id: 'n3', sink: 'slack', handout: 1 }]);
    expect(await rig.next('settled', (event) => event.effect.id === 'n3')).toMatchObject({
      outcome: 'skipped',
      reason: 'its resolve was attempted already; a trigger after it would open a new alert',
    });
  });
});

describe('BullMQ as transport', () => {
  it('may lose everything: the next handout is delivered', async () => {
    await rig.plan([effect('n1'), effect('n2', { lane: 'i1.0.slack.product' })]);
    expect(await rig.sweep(1)).toBe(2);
    const keys = await rig.bench.raw.keys(`{${rig.bench.prefix}-bull}:*`);
    expect(keys.length).toBeGreaterThan(0);
    await rig.bench.raw.del(keys);
    await rig.work();
    await Promise.all([rig.drive('n1'), rig.drive('n2')]);
    expect(rig.sink.deliveries).toHaveLength(2);
  });

  it('may lose everything under a running worker', async () => {
    await rig.work();
    await rig.plan([effect('n1')]);
    await rig.drive('n1');
    await rig.bench.raw.del(await rig.bench.raw.keys(`{${rig.bench.prefix}-bull}:*`));
    await rig.plan([effect('n2', { incident: 'i2' })]);
    expect(await rig.drive('n2')).toMatchObject({ outcome: 'sent' });
  });

  it('makes one delivery of a handout that is added twice, and of two handouts', async () => {
    await rig.plan([effect('n1')]);
    const due = [{ id: 'n1', sink: 'slack', handout: 1 }];
    await rig.relay.enqueue(0, due);
    await rig.relay.enqueue(0, due);
    await rig.relay.enqueue(0, [{ id: 'n1', sink: 'slack', handout: 2 }]);
    await rig.work();
    await rig.next('settled');
    await rig.next('passed', (event) => event.status === 'gone' || event.status === 'held');
    expect(rig.sink.deliveries).toHaveLength(1);
  });

  it('keeps nothing of a job that is done', async () => {
    await rig.work();
    await rig.plan([effect('n1')]);
    await rig.drive('n1');
    await rig.plan([effect('n2', { incident: 'i2' })]);
    await rig.drive('n2');
    const jobs = await rig.bench.raw.keys(`{${rig.bench.prefix}-bull}:effects-slack:n1*`);
    expect(jobs).toEqual([]);
  });

  it('delivers 200 effects of 200 lanes once each', async () => {
    await rig.work();
    const effects = Array.from({ length: 200 }, (_, index) =>
      effect(`n${index}x`, { lane: `i1.0.slack.role${index}` }),
    );
    await rig.plan(effects);
    await rig.sweep();
    await rig.sweep();
    await Promise.all(effects.map(({ id }) => rig.next('settled', (event) => event.effect.id === id)));
    expect(new Set(rig.sink.deliveries.map(({ notification }) => notification.effect)).size).toBe(200);
    expect(rig.sink.deliveries).toHaveLength(200);
  });
});

describe('answers of Redis that are lost', () => {
  it('finds its own claim, gives it back without a mark and takes it again', async () => {
    await rig.work({}, losingAnswers(rig.bench.store.outbox, 'claim', 1));
    await rig.plan([effect('n1')]);
    await rig.sweep();
    expect(await rig.next('settled')).toMatchObject({ outcome: 'sent' });
    expect(rig.sink.deliveries.map(({ context }) => context.mayRepeat)).toEqual([false]);
  });

  it.each(['settle', 'release'] as const)('repeats a %s', async (method) => {
    const answers = method === 'release' ? [TRY_AGAIN] : [];
    rig.sink.answer = () => answers.shift() ?? OK;
    await rig.work({}, losingAnswers(rig.bench.store.outbox, method, 2));
    await rig.plan([effect('n1')]);
    expect(await rig.drive('n1')).toMatchObject({ outcome: 'sent', kept: true });
    expect(rig.sink.deliveries).toHaveLength(method === 'release' ? 2 : 1);
    expect(await rig.results()).toHaveLength(1);
  });

  it('leaves the effect to the sweep when Redis fails for longer than the claim', async () => {
    await rig.work({ claimTtlMs: 400 }, losingAnswers(rig.bench.store.outbox, 'settle', Infinity));
    await rig.plan([effect('n1')]);
    await rig.sweep();
    expect((await rig.next('error')).error).toBeInstanceOf(StoreError);
  });
});

describe('close', () => {
  it('waits for what is in hand', async () => {
    const workers = await rig.work();
    let finish: (result: ActionResult) => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      rig.sink.answer = () => {
        resolve();
        return new Promise((end) => (finish = end));
      };
    });
    await rig.plan([effect('n1')]);
    await rig.sweep();
    await begun;
    const closed = workers.close(10_000);
    finish(OK);
    await closed;
    expect(await rig.next('settled')).toMatchObject({ outcome: 'sent', kept: true });
  });

  it('aborts what lasts longer than the grace and gives it back for at once', async () => {
    const workers = await rig.work();
    const begun = new Promise<void>((resolve) => {
      rig.sink.answer = (_notification, { signal }) => {
        resolve();
        return new Promise((end) =>
          signal.addEventListener('abort', () =>
            end({ ok: false, retry: true, reason: 'cancelled', detail: 'stopped', unknownOutcome: true }),
          ),
        );
      };
    });
    await rig.plan([effect('n1')]);
    await rig.sweep();
    await begun;
    await workers.close(50);
    expect(await rig.next('retry')).toMatchObject({ reason: 'cancelled', delayMs: 0, kept: true });
    rig.sink.answer = () => OK;
    await rig.work();
    expect(await rig.drive('n1')).toMatchObject({ outcome: 'sent', attempts: 2 });
  });
});
