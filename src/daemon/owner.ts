/**
 * The owner of one partition: holds the lease, reads the input log after the cursor, lets the engine decide and commits.
 *
 * Memory is a cache. Whenever the outcome of a write is not known (a lost socket, a fence), the owner drops everything
 * it believes, asks for the lease again and loads; the cursor says what happened. While one commit is on its way the
 * next batch is already being decided on top of it: if the commit fails, both are dropped together.
 */
import { ChangeSet, loadState, nextWake, stateStats, step, toWrites } from '../engine/index.js';
import type { EngineContext, EngineState } from '../engine/index.js';
import { decodeInput, streamTime } from '../domain/input.js';
import { StoreError } from '../errors.js';
import { effectful } from '../failpoints.js';
import type { Commit, CommitOutcome, CommitWrites, Lease, LogEntry, PartitionStore } from '../ports/store.js';
import type { EngineMetrics } from '../telemetry/metrics.js';
import type { Logger } from '../telemetry/logger.js';
import type { CurrentEntry } from './current-entry.js';
import { holdLease, type HeldLease } from './lease.js';
import type { OutboxPump } from './outbox-pump.js';
import { Signal } from './signal.js';

/** After this many failed attempts an entry goes to the dead-letter stream, and we page about ourselves. */
export const POISON_ATTEMPTS = 3;
/** After this many even the page failed: the entry goes to the dead letters without it. */
const HOPELESS_ATTEMPTS = 2 * POISON_ATTEMPTS;

/** The longest a read waits for entries: bounds how late a lost lease, a stop or the trim is noticed. */
const LONGEST_WAIT_MS = 1_000;
const TRIM_EVERY_MS = 60_000;
/**
 * Bodies of one commit, characters; a single larger entry goes alone. What is waiting after an outage may be hundreds of
 * webhooks of 10,000 alerts: all at once they would hold up Redis, and this thread for so long that it is taken to spin.
 */
const BATCH_CHARS = 2 * 1024 * 1024;

export interface OwnerSettings {
  /** Name of this replica; part of the lease. */
  readonly replica: string;
  readonly leaseTtlMs: number;
  /** At most this many entries a commit. */
  readonly batch: number;
  /** Log entries older than this are trimmed, ms. */
  readonly retentionMs: number;
}

export interface OwnerDeps {
  readonly store: PartitionStore;
  readonly context: EngineContext;
  readonly settings: OwnerSettings;
  readonly pump: OutboxPump;
  readonly logger: Logger;
  readonly metrics: EngineMetrics;
  /** Tells the supervisor which entry is being decided, in case deciding it never ends. */
  readonly current: CurrentEntry;
  /** An entry that ended the engine thread before us; counted as a failed attempt once the lease is ours. */
  readonly suspect?: { readonly partition: number; readonly entry: string };
  /** How many partitions this replica owns, so that a replica that has many asks later. */
  readonly held: { count: number };
}

interface Failure {
  readonly count: number;
  /** Why the latest attempt failed. */
  readonly reason: string;
}

/** By entry id. */
type Attempts = Map<string, Failure>;

/** Lost the lease, or somebody else moved the cursor: drop memory and ask again. */
class Fenced extends Error {}

/** The engine threw on this entry. */
class Undecidable extends Error {
  readonly entry: LogEntry;
  constructor(entry: LogEntry, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.entry = entry;
  }
}

export interface Owner {
  /** Finishes the batch in hand, commits, gives the lease back. */
  stop(): Promise<void>;
}

/** Starts owning the partition whenever its lease can be had. Never rejects on its own; stops only when told. */
export function startOwner(deps: OwnerDeps): Owner {
  const stopping = new Signal();
  const done = ownForever(deps, stopping);
  return {
    async stop() {
      stopping.raise();
      await done;
    },
  };
}

async function ownForever(deps: OwnerDeps, stopping: Signal): Promise<void> {
  const { store, settings, logger, metrics } = deps;
  /** Failed attempts of entries not yet passed. While there are any, entries are decided one by one. */
  const attempts: Attempts = new Map();
  let suspect =
    deps.suspect?.partition === store.partition
      ? { entry: deps.suspect.entry, reason: 'deciding it ended the engine thread' }
      : undefined;
  let failures = 0;
  while (!stopping.raised) {
    try {
      const lease = await effectful('lease.acquire', () => store.acquire(settings.replica, settings.leaseTtlMs));
      if (lease === null) {
        await stopping.wait(settings.leaseTtlMs / 5 + deps.held.count * 50);
        continue;
      }
      const held = holdLease(store, lease, settings.leaseTtlMs, logger);
      deps.held.count += 1;
      metrics.leaseHeld.set({ partition: String(store.partition) }, 1);
      logger.info({ partition: store.partition, fence: lease.fence }, 'lease acquired');
      try {
        if (suspect !== undefined) {
          const { entry, reason } = suspect;
          attempts.set(entry, { count: await countAttempt(store, lease, entry), reason });
          suspect = undefined;
        }
        await own(deps, held, stopping, attempts);
        failures = 0;
      } finally {
        deps.held.count -= 1;
        metrics.leaseHeld.set({ partition: String(store.partition) }, 0);
        await held.end();
      }
    } catch (error) {
      if (error instanceof Undecidable) {
        suspect = { entry: error.entry.id, reason: error.message };
        logger.error(
          { partition: store.partition, entry: error.entry.id, err: error.cause },
          'entry cannot be decided',
        );
        metrics.engineErrors.inc();
        continue;
      }
      if (error instanceof Fenced) {
        metrics.fenced.inc();
        logger.warn({ partition: store.partition, reason: error.message }, 'lease lost, dropping memory');
        continue;
      }
      failures += 1;
      logger.warn({ partition: store.partition, err: error }, 'store failed, dropping memory and trying again');
      await stopping.wait(Math.min(100 * 2 ** Math.min(failures, 4), 1_000));
    }
  }
}

function countAttempt(store: PartitionStore, lease: Lease, entry: string): Promise<number> {
  return effectful('owner.count-attempt', () => store.countAttempt(lease, entry));
}

/** Works with the lease until told to stop (returns) or until something is not certain any more (throws). */
async function own(deps: OwnerDeps, held: HeldLease, stopping: Signal, attempts: Attempts): Promise<void> {
  const { store, context, settings, logger, pump } = deps;
  const loaded = await effectful('owner.load', () => store.load(held.lease));
  let state: EngineState = loadState(context, loaded);
  let { cursor, seq } = loaded;
  logger.info({ partition: store.partition, cursor, ...stateStats(state) }, 'state loaded');
  const pumping = pump.start(store, held.lease);
  let committing: Promise<void> = Promise.resolve();
  let commitError: Error | undefined;
  /** Goes on while the commit is on its way; its failure is thrown where it is awaited or at the next turn. */
  const launch = (work: Promise<void>): Promise<void> => {
    work.catch((error: unknown) => {
      commitError = error as Error;
    });
    return work;
  };
  // Not by a step: with another configuration than before, timers may be due already, and what they do must be committed.
  let wakeAt = nextWake(state);
  let tickedFor: number | null = null;
  let nextTrim = Date.now() + TRIM_EVERY_MS;
  /** Entries asked for by the next read: fewer while they are large. */
  let count = settings.batch;
  /** Read and not yet decided. */
  let pending: readonly LogEntry[] = [];
  /** The next read, sent before the commit of what was read: Redis would make it wait behind the commit. */
  let ahead: Promise<readonly LogEntry[]> | undefined;
  try {
    while (!stopping.raised) {
      held.check((reason) => new Fenced(reason));
      if (commitError !== undefined) throw commitError;
      if (pump.failed !== undefined) throw new Fenced(pump.failed.message);
      const redisNow = Date.now() + pump.clockOffsetMs;
      const wait = Math.max(0, Math.min(LONGEST_WAIT_MS, wakeAt === null ? LONGEST_WAIT_MS : wakeAt - redisNow));
      const asked = attempts.size > 0 ? 1 : count;
      if (pending.length === 0) pending = await (ahead ?? store.read(cursor, asked, Math.ceil(wait)));
      ahead = undefined;
      if (pending.length === 0) {
        // Everything is applied, however old the last entry was.
        pump.lagging(0);
        if (wakeAt !== null && wakeAt <= Date.now() + pump.clockOffsetMs && tickedFor !== wakeAt) {
          tickedFor = wakeAt;
          await committing;
          const id = await effectful('owner.append-own', () => store.appendOwn(held.lease, { kind: 'tick' }));
          if (id === null) throw new Fenced('fenced at a tick');
        } else if (wakeAt !== null && tickedFor === wakeAt) {
          // Our idea of Redis's clock was ahead: the tick came too early. Look again shortly.
          tickedFor = null;
          await stopping.wait(20);
        }
      } else {
        const expected = cursor;
        const first = pending[0] as LogEntry;
        const batch = attempts.size > 0 ? [first] : withinBatch(pending);
        count = batch.length < pending.length ? batch.length : Math.min(2 * count, settings.batch);
        const last = batch[batch.length - 1] as LogEntry;
        const full = batch.length === pending.length && pending.length >= asked;
        pending = pending.slice(batch.length);
        if (full) {
          ahead = store.read(last.id, count, 0);
          // Thrown where it is awaited; unawaited, because something else failed before, it must not end the process.
          ahead.catch(() => undefined);
        }
        const decided = decideBatch(deps, state, batch, attempts.get(first.id));
        const { writes, deadLetter } = decided;
        ({ state, wakeAt } = decided);
        cursor = last.id;
        seq = last.seq;
        await committing;
        const at = streamTime(last.id);
        pump.lagging(Date.now() + pump.clockOffsetMs - at);
        const handOut = pump.handOut(writes.effects, at);
        const what: Commit = {
          ...{ lease: held.lease, expected, cursor, seq, writes },
          ...(handOut === undefined ? {} : { handOut }),
          ...(deadLetter === undefined ? {} : { deadLetter }),
        };
        committing = launch(commit(deps, what, first, batch.length));
        if (attempts.size > 0) {
          // One by one, each on disk before the next, so that only the culprit is ever counted.
          await committing;
          for (const entry of attempts.keys()) if (!isAfter(entry, last.id)) attempts.delete(entry);
        }
      }
      if (Date.now() >= nextTrim) {
        nextTrim = Date.now() + TRIM_EVERY_MS;
        await committing;
        await effectful('log.trim', () =>
          store.trim(held.lease, Date.now() + pump.clockOffsetMs - settings.retentionMs),
        );
        observe(deps, state);
      }
    }
    await committing;
  } finally {
    await committing.catch(() => undefined);
    await pumping.stop();
  }
}

/** The entries that go into one commit: at least the first. */
function withinBatch(entries: readonly LogEntry[]): readonly LogEntry[] {
  let chars = 0;
  const end = entries.findIndex(({ body }, index) => (chars += body.length) > BATCH_CHARS && index > 0);
  return end === -1 ? entries : entries.slice(0, end);
}

interface DecidedBatch {
  readonly state: EngineState;
  readonly wakeAt: number | null;
  readonly writes: CommitWrites;
  readonly deadLetter: Commit['deadLetter'];
}

/** Lets the engine decide the entries, or gives up the first when it failed too often. Throws Undecidable. */
function decideBatch(
  deps: OwnerDeps,
  before: EngineState,
  batch: readonly LogEntry[],
  failure: Failure | undefined,
): DecidedBatch {
  const { context, store, logger, metrics } = deps;
  const changes = new ChangeSet();
  const first = batch[0] as LogEntry;
  let inHand = first;
  let state = before;
  let wakeAt: number | null = nextWake(before);
  let deadLetter: Commit['deadLetter'];
  try {
    if (failure !== undefined && failure.count >= POISON_ATTEMPTS) {
      const error = `failed ${failure.count} times: ${failure.reason}`;
      deadLetter = { id: first.id, body: first.body, error, attempts: failure.count };
      if (failure.count < HOPELESS_ATTEMPTS) {
        const poison = { kind: 'poison', entry: first.id, error } as const;
        ({ state, wakeAt } = step(context, state, poison, { id: first.id, at: streamTime(first.id) }, changes));
      }
      logger.error({ partition: store.partition, entry: first.id, error }, 'entry moved to the dead letters');
      metrics.deadLetters.inc();
    } else {
      for (const entry of batch) {
        inHand = entry;
        deps.current.set(store.partition, entry.id);
        const at = streamTime(entry.id);
        ({ state, wakeAt } = step(context, state, decodeInput(entry.body), { id: entry.id, at }, changes));
      }
      inHand = first;
    }
    return { state, wakeAt, writes: toWrites(state, changes), deadLetter };
  } catch (error) {
    throw new Undecidable(inHand, error);
  } finally {
    deps.current.clear();
  }
}

async function commit(deps: OwnerDeps, what: Commit, first: LogEntry, entries: number): Promise<void> {
  const { store, metrics } = deps;
  const end = metrics.commitSeconds.startTimer();
  let outcome: CommitOutcome;
  try {
    outcome = await effectful('owner.commit', () => store.commit(what));
  } catch (error) {
    // Not the store's fault: what was decided cannot be written at all.
    throw error instanceof StoreError ? error : new Undecidable(first, error);
  }
  end();
  if (outcome === 'fenced') throw new Fenced(`commit fenced at ${what.expected}`);
  // Ours, and refused all the same: what was decided contradicts the store. Counted like an entry that cannot be decided,
  // so that a mistake of the engine cannot stop a partition for good.
  if (outcome === 'conflict')
    throw new Undecidable(first, new Error(`the store refused the commit at ${what.expected}`));
  metrics.batchEntries.observe(entries);
  metrics.entriesApplied.inc(entries);
  countDecisions(deps, what.writes);
  deps.pump.committed(store.partition, what.writes.effects, what.handOut);
}

function countDecisions(deps: OwnerDeps, writes: CommitWrites): void {
  if (writes.opened.length > 0) {
    for (const { id } of writes.opened) {
      const head = JSON.parse(writes.incidents.get(id) ?? '{}') as { severity?: string; rule?: string };
      deps.metrics.incidentsOpened.inc({ severity: head.severity ?? 'unknown', rule: head.rule ?? 'unknown' });
    }
  }
}

function observe(deps: OwnerDeps, state: EngineState): void {
  const stats = stateStats(state);
  const partition = String(deps.store.partition);
  deps.metrics.series.set({ partition }, stats.series);
  deps.metrics.openEpisodes.set({ partition }, stats.openEpisodes);
  deps.metrics.incidentsLive.set({ partition }, stats.incidents);
}

function isAfter(a: string, b: string): boolean {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs > bMs || (aMs === bMs && aSeq > bSeq);
}
