/** One partition as its owner works it: lease, log, state, commit, and the owner's side of the outbox. */
import { encodeInput } from '../domain/input.js';
import { StoreError } from '../errors.js';
import type { Lease, LoadedPartition, LogEntry, PartitionStore } from '../ports/store.js';
import { commitCall, leaseValue, unword } from './commit.js';
import { LONGEST_BLOCK_MS } from './connect.js';
import type { Connection } from './connect.js';
import type { PartitionKeys } from './keys.js';
import { checkVersion } from './schema.js';
import type { ScriptName, Scripts } from './scripts.js';

/** Fields a HSCAN step: small enough that Redis and this process stay responsive. */
const SCAN_COUNT = 1_000;
const HEADS_AT_ONCE = 500;

interface PartitionDeps {
  readonly connection: Connection;
  /** Opens the connection for blocking reads; called at the first read. */
  readonly openReader: () => Connection;
  readonly scripts: Scripts;
  readonly keys: PartitionKeys;
  readonly versionKey: string;
  /** Told why a commit was a conflict: always a mistake somewhere, never a race that is lost normally. */
  readonly onConflict: (why: string) => void;
}

/** Splits the value of the cursor key `<entry id> <number> <ms>`. */
export function parseCursor(value: string | null): { cursor: string; seq: number; committedAt: number | null } {
  const [cursor = '0-0', seq = '0', at] = (value ?? '0-0 0').split(' ');
  return { cursor, seq: Number(seq), committedAt: at === undefined ? null : Number(at) };
}

type RawEntry = readonly [id: string, fields: readonly string[]];

/** An entry of the log as XREAD and XRANGE give it. */
function parseEntry([id, fields]: RawEntry): LogEntry {
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] as string, fields[i + 1] as string);
  return { id, seq: Number(values.get('q') ?? 0), body: values.get('b') ?? '' };
}

export function createPartition(deps: PartitionDeps): PartitionStore {
  const { connection, scripts, keys } = deps;
  const { partition } = keys;
  let reader: Connection | undefined;

  function call(what: string, name: ScriptName, on: readonly string[], args: readonly (string | number)[]) {
    return connection.run(`${what} (partition ${partition})`, (redis) => scripts.run(redis, name, on, args));
  }

  /** Rejects when the lease is not ours: a load that others write into would be a mixture. */
  async function assertHeld(lease: Lease): Promise<void> {
    const held = await connection.run('read the lease', (redis) => redis.get(keys.lease));
    if (held !== leaseValue(lease))
      throw new StoreError(`the lease of partition ${partition} was lost to ${held ?? 'nobody yet'}`);
  }

  async function loadState(): Promise<Map<string, string>> {
    const state = new Map<string, string>();
    let from = '0';
    do {
      const [next, page] = await connection.run('load the state', (redis) =>
        redis.hscan(keys.st, from, 'COUNT', SCAN_COUNT),
      );
      for (let i = 0; i + 1 < page.length; i += 2) state.set(page[i] as string, page[i + 1] as string);
      from = next;
    } while (from !== '0');
    return state;
  }

  async function loadIncidents(): Promise<Map<string, string>> {
    const heads = new Map<string, string>();
    const ids = await connection.run('load the live incidents', (redis) => redis.smembers(keys.live));
    for (let at = 0; at < ids.length; at += HEADS_AT_ONCE) {
      const some = ids.slice(at, at + HEADS_AT_ONCE);
      const found = await connection.run('load the live incidents', (redis) => redis.hmget(keys.inc, ...some));
      found.forEach((head, index) => {
        if (head !== null) heads.set(some[index] as string, head);
      });
    }
    return heads;
  }

  return {
    partition,

    async acquire(owner, ttlMs) {
      await checkVersion(connection, deps.versionKey);
      const fence = await call('take the lease', 'acquire', [keys.lease, keys.fence, keys.alive], [owner, ttlMs]);
      return fence === null ? null : { partition, owner, fence: Number(fence) };
    },

    async renew(lease, ttlMs) {
      return (await call('renew the lease', 'renew', [keys.lease, keys.alive], [leaseValue(lease), ttlMs])) === 1;
    },

    async release(lease) {
      await call('release the lease', 'release-lease', [keys.lease], [leaseValue(lease)]);
    },

    async load(lease): Promise<LoadedPartition> {
      await assertHeld(lease);
      const { cursor, seq } = parseCursor(await connection.run('load the cursor', (redis) => redis.get(keys.cursor)));
      const state = await loadState();
      const incidents = await loadIncidents();
      await assertHeld(lease);
      return { cursor, seq, state, incidents };
    },

    async read(after, count, blockMs) {
      reader ??= deps.openReader();
      const block = Math.min(Math.ceil(blockMs), LONGEST_BLOCK_MS);
      const reply = await reader.run(`read the input log (partition ${partition})`, (redis) =>
        block > 0
          ? redis.xread('COUNT', count, 'BLOCK', block, 'STREAMS', keys.in, after)
          : redis.xread('COUNT', count, 'STREAMS', keys.in, after),
      );
      const entries = (reply?.[0]?.[1] ?? []) as unknown as readonly RawEntry[];
      return entries.map(parseEntry);
    },

    async commit(commit) {
      const { keys: on, args } = commitCall(keys, commit);
      const [outcome, why] = (await call('commit', 'commit', on, args)) as [
        'committed' | 'fenced' | 'conflict',
        string?,
      ];
      if (why !== undefined) deps.onConflict(why);
      return outcome;
    },

    async appendOwn(lease, input) {
      const on = [keys.lease, keys.in, keys.seq];
      return (await call('append', 'append-own', on, [leaseValue(lease), encodeInput(input)])) as string | null;
    },

    async countAttempt(lease, entryId) {
      const total = await call(
        'count an attempt',
        'count-attempt',
        [keys.lease, keys.att],
        [leaseValue(lease), entryId],
      );
      if (total === null) throw new StoreError(`the lease of partition ${partition} was lost`);
      return Number(total);
    },

    async time() {
      return Number(await connection.run("read Redis's time", (redis) => scripts.run(redis, 'now', [], [])));
    },

    async trim(lease, beforeMs) {
      const on = [keys.lease, keys.in, keys.cursor];
      const count = await call('trim the input log', 'trim', on, [leaseValue(lease), Math.floor(beforeMs)]);
      if (count === null) throw new StoreError(`the lease of partition ${partition} was lost`);
      return Number(count);
    },

    async takeDue(lease, limit, visibilityMs) {
      const on = [keys.lease, keys.due, keys.effst];
      const reply = (await call('take due effects', 'take-due', on, [leaseValue(lease), limit, visibilityMs])) as
        readonly string[] | null;
      if (reply === null) return null;
      const [now, nextAt, ...rows] = reply;
      const due = [];
      for (let i = 0; i + 2 < rows.length; i += 3) {
        due.push({ id: rows[i] as string, sink: unword(rows[i + 1] as string), handout: Number(rows[i + 2]) });
      }
      return { due, nextAt: nextAt === '' ? null : Number(nextAt), now: Number(now) };
    },
  };
}
