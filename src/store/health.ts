/** Whether Redis can be written right now, and where each partition stands. For /readyz and /metrics. */
import type { HealthProbe, PartitionStatus, StoreHealth } from '../ports/store.js';
import type { Connection } from './connect.js';
import { durabilityProblems, parseInfo } from './durability.js';
import type { PartitionKeys } from './keys.js';
import { parseCursor } from './partition.js';
import type { Scripts } from './scripts.js';

const PROBE_TTL_MS = 60_000;

interface HealthDeps {
  readonly connection: Connection;
  readonly scripts: Scripts;
  readonly partitions: readonly PartitionKeys[];
  readonly probeKey: string;
  /** Under `strict`, settings that were changed since the start are a problem, though Redis can be written. */
  readonly durability: 'strict' | 'accept-loss';
}

async function statusOf(connection: Connection, keys: PartitionKeys): Promise<PartitionStatus> {
  const replies = await connection.run('read the state of a partition', (redis) =>
    redis
      .pipeline()
      .get(keys.seq)
      .get(keys.cursor)
      .get(keys.lease)
      .get(keys.fence)
      .get(keys.alive)
      .hlen(keys.effst)
      .xlen(keys.dlq)
      .exec(),
  );
  const values = (replies ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value as string | number | null;
  });
  const [seq, cursorValue, lease, fence, alive, pending, dead] = values;
  const { seq: committed, committedAt } = parseCursor(typeof cursorValue === 'string' ? cursorValue : null);
  const progress = Math.max(committedAt ?? 0, Number(alive ?? 0));
  return {
    partition: keys.partition,
    appended: Number(seq ?? 0),
    committed,
    owner: typeof lease === 'string' ? lease.slice(0, lease.lastIndexOf('|')) : null,
    fence: Number(fence ?? 0),
    lastProgressAt: progress === 0 ? null : progress,
    outboxPending: Number(pending ?? 0),
    deadLetters: Number(dead ?? 0),
  };
}

export function createHealthProbe(deps: HealthDeps): HealthProbe {
  const { connection } = deps;
  const nothing = { usedMemory: 0, maxMemory: 0, now: 0, partitions: [] };

  /** What is wrong although the probe could be written; undefined: nothing. */
  async function settingsProblem(): Promise<string | undefined> {
    if (deps.durability === 'accept-loss') return undefined;
    const [first] = await durabilityProblems(connection);
    return first;
  }

  async function look(): Promise<StoreHealth> {
    const info = parseInfo(await connection.run('read INFO', (redis) => redis.info()));
    const now = Number(await connection.run("read Redis's time", (redis) => deps.scripts.run(redis, 'now', [], [])));
    const partitions = await Promise.all(deps.partitions.map((keys) => statusOf(connection, keys)));
    const seen = {
      usedMemory: Number(info.get('used_memory') ?? 0),
      maxMemory: Number(info.get('maxmemory') ?? 0),
      now,
      partitions,
    };
    try {
      // A write that Redis refuses for the same reasons as an append: memory, disk, role.
      await connection.run('write', (redis) => redis.set(deps.probeKey, String(now), 'PX', PROBE_TTL_MS));
    } catch (error) {
      return { writable: false, problem: (error as Error).message, ...seen };
    }
    const problem = await settingsProblem();
    return { writable: true, ...(problem === undefined ? {} : { problem }), ...seen };
  }

  return {
    async check() {
      try {
        return await look();
      } catch (error) {
        return { writable: false, problem: (error as Error).message, ...nothing };
      }
    },
  };
}
