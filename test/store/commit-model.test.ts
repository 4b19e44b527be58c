/** The commit against an in-memory model: random commits, some of them stale or contradictory, compared key by key. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Effect } from '../../src/domain/effect.js';
import type { CommitOutcome, CommitWrites } from '../../src/ports/store.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn, effect, takeLease, writes } from './samples.js';
import type { Bench } from './samples.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const INCIDENTS = ['i1', 'i2', 'i3'];
const blob = fc.string({ unit: 'grapheme', maxLength: 12 });
const incidentId = fc.constantFrom(...INCIDENTS);
const field = fc.constantFrom('a', 'b', 'c', 'd');

function mapOf<K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>, maxLength = 3): fc.Arbitrary<Map<K, V>> {
  return fc.array(fc.tuple(key, value), { maxLength }).map((pairs) => new Map(pairs));
}

const someWrites: fc.Arbitrary<CommitWrites> = fc
  .record({
    state: mapOf(field, fc.option(blob)),
    details: mapOf(field, fc.option(blob)),
    incidents: mapOf(incidentId, blob),
    live: mapOf(incidentId, fc.boolean()),
    opened: fc.uniqueArray(fc.tuple(incidentId, fc.constantFrom('n1', 'n2', 'n3'), fc.nat()), {
      maxLength: 2,
      selector: ([id]) => id,
    }),
    members: mapOf(incidentId, mapOf(field, fc.option(blob))),
    timeline: mapOf(incidentId, fc.array(blob, { minLength: 1, maxLength: 3 })),
    effects: fc.array(fc.tuple(fc.constantFrom('e1', 'e2', 'e3', 'e4'), incidentId, fc.nat()), { maxLength: 2 }),
  })
  .map(({ opened, effects, ...rest }) =>
    writes({
      ...rest,
      opened: opened.map(([id, number, openedAt]) => ({ id, number, openedAt })),
      effects: effects.map(([id, incident, dueAt]) => effect(id, { incident, dueAt, lane: `${incident}.l` })),
    }),
  );

const step = fc.record({
  writes: someWrites,
  /** Mostly without contradictions: those alone would hardly ever commit. */
  repaired: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  fault: fc.oneof(
    { weight: 8, arbitrary: fc.constant('none' as const) },
    fc.constantFrom('stale lease' as const, 'wrong cursor' as const, 'crash' as const),
  ),
});

/** What must be in Redis. */
class Model {
  cursor = '0-0';
  readonly state = new Map<string, string>();
  readonly details = new Map<string, string>();
  readonly incidents = new Map<string, string>();
  readonly live = new Set<string>();
  readonly numbers = new Map<string, string>();
  readonly openedAt = new Map<string, number>();
  readonly members = new Map<string, Map<string, string>>();
  readonly timeline = new Map<string, string[]>();
  readonly effects = new Map<string, Effect>();

  refuses({ incidents, opened, effects }: CommitWrites): boolean {
    const news = new Set(opened.map(({ id }) => id));
    const known = (id: string): boolean => this.incidents.has(id) || incidents.has(id);
    return (
      opened.some(({ id, number }) => this.incidents.has(id) || this.numbers.has(number) || !incidents.has(id)) ||
      [...incidents.keys()].some((id) => !news.has(id) && !this.incidents.has(id)) ||
      new Set(effects.map(({ id }) => id)).size < effects.length ||
      effects.some(({ id, incident }) => this.effects.has(id) || !known(incident))
    );
  }

  /** The part of the writes that does not contradict what is there. */
  repair(what: CommitWrites): CommitWrites {
    const numbers = new Set(this.numbers.keys());
    const opened = what.opened.filter(({ id, number }) => {
      if (this.incidents.has(id) || numbers.has(number)) return false;
      numbers.add(number);
      return true;
    });
    const news = new Map(opened.map(({ id }) => [id, 'new']));
    const updates = [...what.incidents].filter(([id]) => news.has(id) || this.incidents.has(id));
    const incidents = new Map([...news, ...updates]);
    const ids = new Set(this.effects.keys());
    const effects = what.effects.filter(({ id, incident }) => {
      if (ids.has(id) || !(incidents.has(incident) || this.incidents.has(incident))) return false;
      ids.add(id);
      return true;
    });
    return { ...what, opened, incidents, effects };
  }

  apply(cursor: string, what: CommitWrites): void {
    const put = (target: Map<string, string>, from: ReadonlyMap<string, string | null>): void => {
      for (const [name, value] of from) {
        if (value === null) target.delete(name);
        else target.set(name, value);
      }
    };
    this.cursor = cursor;
    put(this.state, what.state);
    put(this.details, what.details);
    put(this.incidents, what.incidents);
    for (const [id, needed] of what.live) {
      if (needed) this.live.add(id);
      else this.live.delete(id);
    }
    for (const { id, number, openedAt } of what.opened) {
      this.numbers.set(number, id);
      this.openedAt.set(id, openedAt);
    }
    for (const [id, members] of what.members) {
      const target = this.members.get(id) ?? new Map<string, string>();
      put(target, members);
      this.members.set(id, target);
    }
    for (const [id, lines] of what.timeline) this.timeline.set(id, [...(this.timeline.get(id) ?? []), ...lines]);
    for (const each of what.effects) this.effects.set(each.id, each);
  }

  async compare({ raw, key }: Bench): Promise<void> {
    const object = (map: ReadonlyMap<string, string>) => Object.fromEntries(map);
    expect(((await raw.get(key('cursor'))) ?? '0-0').split(' ')[0]).toBe(this.cursor);
    expect(await raw.hgetall(key('st'))).toEqual(object(this.state));
    expect(await raw.hgetall(key('det'))).toEqual(object(this.details));
    expect(await raw.hgetall(key('inc'))).toEqual(object(this.incidents));
    expect((await raw.smembers(key('live'))).sort()).toEqual([...this.live].sort());
    expect(await raw.hgetall(key('num'))).toEqual(object(this.numbers));
    for (const [id, at] of this.openedAt) expect(await raw.zscore(key('incs'), id)).toBe(String(at));
    expect(await raw.zcard(key('incs'))).toBe(this.openedAt.size);
    for (const id of INCIDENTS) {
      expect(await raw.hgetall(key(`mem:${id}`))).toEqual(object(this.members.get(id) ?? new Map()));
      expect(await raw.lrange(key(`tl:${id}`), 0, -1)).toEqual(this.timeline.get(id) ?? []);
    }
    expect(await raw.hgetall(key('eff'))).toEqual(
      Object.fromEntries([...this.effects].map(([id, each]) => [id, JSON.stringify(each)])),
    );
    expect((await raw.hkeys(key('effst'))).sort()).toEqual([...this.effects.keys()].sort());
    expect(await raw.zcard(key('due'))).toBe(this.effects.size);
    // Every lane counts its effects, and is listed under its incident.
    const lanes = await raw.hgetall(key('lane'));
    for (const id of INCIDENTS) {
      const pending = [...this.effects.values()].filter(({ incident }) => incident === id).length;
      expect(lanes[`=${id}.l`]?.split(' ')[0]).toBe(pending === 0 ? undefined : String(pending));
      expect(lanes[`@${id}`]).toBe(pending === 0 ? undefined : `=${id}.l`);
    }
  }
}

it('commits exactly what the model says, or nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const bench = await benchOn(server);
      try {
        const model = new Model();
        let lease = await takeLease(bench.store, 'a');
        for (const { writes: drawn, repaired, fault } of steps) {
          const what = repaired ? model.repair(drawn) : drawn;
          const [receipt] = await bench.store.appender.append([{ partition: 0, input: alerts('x') }]);
          const cursor = receipt?.id ?? '';
          const commit = { lease, expected: model.cursor, cursor, seq: 1, writes: what };
          let expected: CommitOutcome = model.refuses(what) ? 'conflict' : 'committed';
          let given = commit;
          if (fault === 'stale lease') {
            given = { ...commit, lease: { ...lease, fence: lease.fence - 1 } };
            expected = 'fenced';
          }
          if (fault === 'wrong cursor') {
            given = { ...commit, expected: '7-7' };
            expected = 'conflict';
          }
          const before = expected === 'committed' ? '' : await bench.digest();
          expect(await bench.store.partition(0).commit(given)).toBe(expected);
          if (expected === 'committed') model.apply(cursor, what);
          else expect(await bench.digest()).toBe(before);
          if (fault === 'crash') {
            // The owner does not know the outcome: with the next fence it finds out, and the same commit is a conflict.
            lease = await takeLease(bench.store, 'a');
            const loaded = await bench.store.partition(0).load(lease);
            expect(loaded.cursor).toBe(model.cursor);
            expect(loaded.state).toEqual(model.state);
            if (expected === 'committed') {
              expect(await bench.store.partition(0).commit({ ...commit, lease })).toBe('conflict');
            }
          }
          await model.compare(bench);
        }
      } finally {
        await bench.raw.flushall();
        await bench.leave();
      }
    }),
    { numRuns: 150 },
  );
}, 120_000);
