/**
 * The control: the commit as one would write it without thinking of kills. The same writes as the real one, but as separate
 * awaited commands and without looking at the lease. Position first, so that nothing is applied twice; whoever dies
 * between two steps leaves the rest undone.
 */
import { Redis } from 'ioredis';

import type { Effect } from '../../src/domain/effect.js';
import type { Commit, CommitOutcome, PartitionStore } from '../../src/ports/store.js';

export interface NaiveOptions {
  readonly redisUrl: string;
  readonly prefix: string;
  /** Called between two steps: where this design has no failpoints of its own. */
  readonly between: () => void;
}

const COMMIT_ROWS = 10_000;

export function splitCommit(store: PartitionStore, options: NaiveOptions): PartitionStore {
  const redis = new Redis({ path: options.redisUrl, protocol: 2, maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  const base = `${options.prefix}:{p${store.partition}}:`;
  return { ...store, commit: (commit) => commitInSteps(redis, base, commit, options.between) };
}

async function commitInSteps(redis: Redis, base: string, commit: Commit, between: () => void): Promise<CommitOutcome> {
  const { writes } = commit;
  const step = async (work: Promise<unknown>): Promise<void> => {
    await work;
    between();
  };
  const setAll = async (key: string, fields: ReadonlyMap<string, string | null>): Promise<void> => {
    for (const [field, value] of fields) {
      await step(value === null ? redis.hdel(key, field) : redis.hset(key, field, value));
    }
  };
  await step(redis.set(`${base}cursor`, `${commit.cursor} ${commit.seq} ${Date.now()}`));
  await setAll(`${base}st`, writes.state);
  await setAll(`${base}det`, writes.details);
  await setAll(`${base}inc`, writes.incidents);
  for (const [id, live] of writes.live)
    await step(live ? redis.sadd(`${base}live`, id) : redis.srem(`${base}live`, id));
  for (const { id, number, openedAt } of writes.opened) {
    await step(redis.zadd(`${base}incs`, openedAt, id));
    await step(redis.hset(`${base}num`, number, id));
  }
  for (const [id, members] of writes.members) await setAll(`${base}mem:${id}`, members);
  for (const [id, lines] of writes.timeline) await step(redis.rpush(`${base}tl:${id}`, ...lines));
  for (const effect of writes.effects) await addEffect(base, redis, effect, step);
  const row = ['fence', commit.lease.fence, 'from', commit.expected, 'to', commit.cursor, 'n', commit.seq];
  await redis.xadd(`${base}commits`, 'MAXLEN', '~', COMMIT_ROWS, '*', ...row);
  return 'committed';
}

async function addEffect(
  base: string,
  redis: Redis,
  effect: Effect,
  step: (work: Promise<unknown>) => Promise<void>,
): Promise<void> {
  const word = (text: string): string => `=${encodeURIComponent(text)}`;
  const row = ['0 0 - 0 0', effect.dueAt, effect.action, effect.incident, word(effect.lane), word(effect.sink)].join(
    ' ',
  );
  await step(redis.hset(`${base}eff`, effect.id, JSON.stringify(effect)));
  await step(redis.hset(`${base}effst`, effect.id, row));
  await step(redis.zadd(`${base}due`, effect.dueAt, effect.id));
}
