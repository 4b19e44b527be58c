/** Puts the parts of the store together over one Redis. */
import { StoreError } from '../errors.js';
import type {
  DeadLetters,
  HealthProbe,
  IncidentReader,
  InputAppender,
  Outbox,
  PartitionStore,
  Quarantine,
} from '../ports/store.js';
import { connectBlocking, connectGeneral, connectIntake, describeTarget } from './connect.js';
import type { Connection } from './connect.js';
import { createDeadLetters } from './dead-letters.js';
import { checkClock, checkDurability, checkServer } from './durability.js';
import { createHealthProbe } from './health.js';
import { globalKeys, partitionKeys } from './keys.js';
import { createAppender } from './log.js';
import { createOutbox } from './outbox.js';
import { createPartition } from './partition.js';
import { createQuarantine } from './quarantine.js';
import { createReader } from './read.js';
import { checkVersion } from './schema.js';
import { loadScripts } from './scripts.js';

export interface StoreOptions {
  /** `redis://`, `rediss://`, `unix://` or the path of a unix socket. */
  readonly url: string;
  /** Default `tocsin`. */
  readonly prefix?: string;
  /** Default 1. */
  readonly partitions?: number;
  /** Default `strict`: an unsafe Redis is refused. */
  readonly durability?: 'strict' | 'accept-loss';
  /** After this an append has an unknown outcome; ms, default 2,000. */
  readonly intakeTimeoutMs?: number;
  /** The same for everything else; ms, default 5,000. */
  readonly timeoutMs?: number;
  /** How long open waits for a connection; ms, default 10,000. */
  readonly startTimeoutMs?: number;
  /** Told why a commit was a conflict: a mistake somewhere, worth a log line. */
  readonly onConflict?: (partition: number, why: string) => void;
  /** Tests only, see loadScripts(). */
  readonly clockKey?: string;
}

export interface Store {
  readonly appender: InputAppender;
  readonly quarantine: Quarantine;
  readonly outbox: Outbox;
  readonly reader: IncidentReader;
  readonly deadLetters: DeadLetters;
  readonly health: HealthProbe;
  /** The same object at every call. Throws RangeError for a number that is not configured. */
  partition(index: number): PartitionStore;
  /**
   * Checks version, settings and clock of Redis and the layout of the data. Resolves to the durability problems that
   * `accept-loss` lets pass. Throws TOCSIN_REDIS_UNSAFE, TOCSIN_STORE_NEWER, or StoreError when it cannot be reached.
   */
  verify(): Promise<readonly string[]>;
  /** Ends all connections at once; calls in flight reject. */
  close(): Promise<void>;
}

/** A store that connects in the background: its calls reject with StoreError until Redis answers. */
export function createStore(options: StoreOptions): Store {
  const { url, prefix = 'tocsin', durability = 'strict', timeoutMs = 5_000 } = options;
  const target = describeTarget(url);
  const globals = globalKeys(prefix);
  const partitions = Array.from({ length: options.partitions ?? 1 }, (_, index) => partitionKeys(prefix, index));
  const scripts = loadScripts(options.clockKey);
  const intake = connectIntake(url, options.intakeTimeoutMs ?? 2_000);
  const general = connectGeneral(url, timeoutMs);
  const connections: Connection[] = [intake, general];
  let closed = false;
  const stores = partitions.map((keys) =>
    createPartition({
      connection: general,
      openReader() {
        if (closed) throw new StoreError('the store is closed');
        const reader = connectBlocking(url, timeoutMs);
        connections.push(reader);
        return reader;
      },
      scripts,
      keys,
      versionKey: globals.version,
      onConflict: (why) => options.onConflict?.(keys.partition, why),
    }),
  );
  const health = createHealthProbe({
    connection: general,
    scripts,
    partitions,
    probeKey: globals.probe,
    durability,
  });

  return {
    appender: createAppender(intake, scripts, partitions),
    quarantine: createQuarantine(general, globals.quarantine),
    outbox: createOutbox(general, scripts, partitions),
    reader: createReader(general, partitions),
    deadLetters: createDeadLetters(general, scripts, partitions),
    health,
    partition(index) {
      const found = stores[index];
      if (found === undefined) throw new RangeError(`there is no partition ${index}`);
      return found;
    },
    async verify() {
      const wait = options.startTimeoutMs ?? 10_000;
      await Promise.all([general.ready(wait), intake.ready(wait)]);
      await checkServer(general, target);
      const problems = await checkDurability(general, target, durability);
      if (options.clockKey === undefined) {
        const now = Number(await general.run("read Redis's time", (redis) => scripts.run(redis, 'now', [], [])));
        await checkClock(general, partitions, now);
      }
      await checkVersion(general, globals.version);
      return problems;
    },
    async close() {
      closed = true;
      for (const connection of connections) connection.close();
    },
  };
}

/** createStore() and verify(); nothing stays open when it throws. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const store = createStore(options);
  try {
    await store.verify();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
