/**
 * Random workers on one lane and beside it: they claim, crash, lose replies, come back late. Whatever happens: one claim at a
 * time, no trigger behind a resolve that may have been sent, a warning before every possible repetition, one result
 * an effect, and in the end nothing left.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Claim } from '../../src/ports/store.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { benchOn, effect, opening, result, takeLease, writes } from './samples.js';

const TTL = 1_000;
const EFFECTS = [
  effect('t1'),
  effect('t2'),
  effect('r1', { action: 'resolve' }),
  effect('other', { lane: 'elsewhere', dueAt: 500 }),
];

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), effect: fc.nat(EFFECTS.length - 1) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('sent' as const, 'failed' as const, 'refused' as const, 'unknown' as const, 'crash' as const),
      worker: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 400, TTL, 3 * TTL) }) },
);

interface Work {
  readonly claim: Extract<Claim, { status: 'claimed' }>;
  readonly until: number;
}

it('keeps its promises whatever the workers do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), async (actions) => {
      const bench = await benchOn(server, { clock: true });
      const { outbox } = bench.store;
      const partition = bench.store.partition(0);
      let now = 1_000;
      let token = 0;
      const working: Work[] = [];
      const settled = new Set<string>();
      /** Effects whose receiver may have acted already. */
      const maybe = new Set<string>();

      async function claim(index: number): Promise<void> {
        const id = EFFECTS[index]?.id ?? '';
        const found = await outbox.claim(0, id, `w${(token += 1)}`, TTL);
        if (found.status === 'gone') return expect(settled).toContain(id);
        if (found.status !== 'claimed') return;
        const { lane, action: kind } = found.effect;
        const rivals = working.filter((work) => work.claim.effect.lane === lane && work.until > now);
        expect(rivals).toEqual([]);
        // A claim that ended without a word may have been sent.
        for (const work of working) {
          if (work.until <= now && work.claim.effect.id === id) maybe.add(id);
        }
        expect(found.mayRepeat).toBe(maybe.has(id));
        const silent = (type: string) =>
          [...maybe, ...working.filter((work) => work.until <= now).map((work) => work.claim.effect.id)].some((each) =>
            EFFECTS.some((one) => one.id === each && one.action === type && one.lane === lane),
          );
        // A flag is missing never when it matters: what may have been sent is known.
        if (silent('trigger')) expect(found.lane.triggered).toBe(true);
        if (silent('resolve')) expect(found.lane.resolved).toBe(true);
        // The rule of the worker: no trigger after the lane's resolve.
        if (kind === 'trigger' && found.lane.resolved) {
          expect(await outbox.settle(0, id, found.token, result(id, 'skipped'))).toBe(true);
          settled.add(id);
          return;
        }
        working.push({ claim: found, until: now + TTL });
      }

      async function finish(how: 'sent' | 'failed' | 'refused' | 'unknown' | 'crash', worker: number): Promise<void> {
        const [work] = working.splice(worker % Math.max(working.length, 1), 1);
        if (work === undefined) return;
        const { effect: own, token: mine } = work.claim;
        if (how === 'crash') {
          // Sent, and killed before the word of it: only the expiry tells.
          working.push({ ...work });
          return;
        }
        if (how === 'sent' || how === 'failed') {
          const done = await outbox.settle(0, own.id, mine, result(own.id, how));
          if (done) {
            expect(settled).not.toContain(own.id);
            settled.add(own.id);
          } else expect(work.until).toBeLessThanOrEqual(now);
          maybe.add(own.id);
          return;
        }
        const given = await outbox.release(0, own.id, mine, 100, how === 'unknown');
        if (!given) expect(work.until).toBeLessThanOrEqual(now);
        if (how === 'unknown' || !given) maybe.add(own.id);
      }

      try {
        await bench.setTime(now);
        const lease = await takeLease(bench.store);
        const tick = (await partition.appendOwn(lease, { kind: 'tick' })) ?? '';
        await partition.commit({ lease, expected: '0-0', cursor: tick, seq: 1, writes: opening('i1', EFFECTS) });
        for (const each of actions) {
          if (each.do === 'claim') await claim(each.effect);
          else if (each.do === 'wait') await bench.setTime((now += each.ms));
          else await finish(each.do, each.worker);
        }
        // No worker is left, the sweep goes on: everything is handed out again and done.
        for (let round = 0; settled.size < EFFECTS.length; round += 1) {
          expect(round).toBeLessThan(20);
          await bench.setTime((now += 2 * TTL));
          for (const { id } of (await partition.takeDue(lease, 10, TTL))?.due ?? []) {
            const found = await outbox.claim(0, id, `w${(token += 1)}`, TTL);
            if (found.status !== 'claimed') continue;
            expect(await outbox.settle(0, id, found.token, result(id))).toBe(true);
            settled.add(id);
          }
        }
        const entries = await partition.read(tick, 100, 0);
        const results = entries.map(({ body }) => (JSON.parse(body) as { effect: string }).effect);
        expect(results.sort()).toEqual(EFFECTS.map(({ id }) => id).sort());
        const last = entries.at(-1);
        const end = { lease, expected: tick, cursor: last?.id ?? '', seq: last?.seq ?? 0 };
        await partition.commit({ ...end, writes: writes({ live: new Map([['i1', false]]) }) });
        const left = ['eff', 'effst', 'due', 'lane'].map((name) => bench.key(name));
        expect(await bench.raw.exists(...left)).toBe(0);
      } finally {
        await bench.raw.flushall();
        await bench.leave();
      }
    }),
    { numRuns: 200 },
  );
}, 120_000);
