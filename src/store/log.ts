/**
 * The intake's side of the input log, with group commit: what arrives while a call to Redis is on its way goes into the
 * next one, so that one fsync serves many deliveries. One call at a time a partition.
 */
import { encodeInput } from '../domain/input.js';
import { StoreError } from '../errors.js';
import { effectful } from '../failpoints.js';
import type { AppendDraft, AppendReceipt, InputAppender } from '../ports/store.js';
import type { Connection } from './connect.js';
import type { PartitionKeys } from './keys.js';
import type { Scripts } from './scripts.js';

/** A lane's latest delivery is remembered this long: longer than a sender's back-off between retries. */
const RETRY_MEMORY_MS = 600_000;
/** Bounds of one call, so that it does not hold up the others on Redis. A single larger delivery still goes alone. */
const GROUP_DRAFTS = 256;
const GROUP_CHARS = 2 * 1024 * 1024;
/** While Redis writes one group to disk, the next is on its way; they are applied in the order they were sent. */
const CALLS_IN_FLIGHT = 2;
/** Beyond this much waiting in memory new deliveries are refused. */
const WAITING_CHARS = 64 * 1024 * 1024;

interface Waiting {
  readonly body: string;
  readonly retryKey: string | undefined;
  readonly digest: string;
  resolve(receipt: AppendReceipt): void;
  reject(error: unknown): void;
}

/** The queue of one partition. */
class AppendQueue {
  readonly #connection: Connection;
  readonly #scripts: Scripts;
  readonly #keys: PartitionKeys;
  #waiting: Waiting[] = [];
  #waitingChars = 0;
  #inFlight = 0;
  #scheduled = false;

  constructor(connection: Connection, scripts: Scripts, keys: PartitionKeys) {
    this.#connection = connection;
    this.#scripts = scripts;
    this.#keys = keys;
  }

  append(draft: AppendDraft): Promise<AppendReceipt> {
    const body = encodeInput(draft.input);
    if (this.#waitingChars + body.length > WAITING_CHARS && this.#waiting.length > 0) {
      return Promise.reject(
        new StoreError(
          `cannot append: ${this.#waiting.length} deliveries of partition ${draft.partition} wait for Redis`,
        ),
      );
    }
    const retries = draft.retryLane !== undefined && draft.digest !== undefined;
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        body,
        retryKey: retries ? this.#keys.retry(draft.retryLane) : undefined,
        digest: draft.digest ?? '',
        resolve,
        reject,
      });
      this.#waitingChars += body.length;
      if (this.#scheduled || this.#inFlight >= CALLS_IN_FLIGHT) return;
      this.#scheduled = true;
      // Not at once: the other deliveries of this turn of the event loop come along.
      setImmediate(() => {
        this.#scheduled = false;
        void this.#drain();
      });
    });
  }

  async #drain(): Promise<void> {
    if (this.#inFlight >= CALLS_IN_FLIGHT) return;
    this.#inFlight += 1;
    while (this.#waiting.length > 0) await this.#send(this.#takeGroup());
    this.#inFlight -= 1;
  }

  #takeGroup(): Waiting[] {
    let count = 0;
    let chars = 0;
    for (const { body } of this.#waiting) {
      if (count > 0 && (count === GROUP_DRAFTS || chars + body.length > GROUP_CHARS)) break;
      count += 1;
      chars += body.length;
    }
    this.#waitingChars -= chars;
    return this.#waiting.splice(0, count);
  }

  /** Never rejects: the outcome goes to those who wait. */
  async #send(group: readonly Waiting[]): Promise<void> {
    try {
      const keys = [this.#keys.in, this.#keys.seq, this.#keys.cursor];
      const laneIndex = new Map<string, number>();
      const args: (string | number)[] = [RETRY_MEMORY_MS];
      for (const { retryKey, digest, body } of group) {
        let index = 0;
        if (retryKey !== undefined) {
          index = laneIndex.get(retryKey) ?? keys.push(retryKey);
          laneIndex.set(retryKey, index);
        }
        args.push(index, digest, body);
      }
      const reply = (await effectful('log.append', () =>
        this.#connection.run('append to the input log', (redis) => this.#scripts.run(redis, 'append', keys, args)),
      )) as [number, number, ...(string | number)[]];
      const lag = Math.max(0, reply[0] - reply[1]);
      group.forEach((waiting, index) => {
        waiting.resolve({ id: String(reply[2 + 2 * index]), absorbed: reply[3 + 2 * index] === 1, lag });
      });
    } catch (error) {
      for (const waiting of group) waiting.reject(error);
    }
  }
}

/** The appender over all partitions. Rejects with StoreError when any draft may not be on disk. */
export function createAppender(
  connection: Connection,
  scripts: Scripts,
  partitions: readonly PartitionKeys[],
): InputAppender {
  const queues = partitions.map((keys) => new AppendQueue(connection, scripts, keys));
  return {
    append(drafts) {
      return Promise.all(
        drafts.map((draft) => {
          const queue = queues[draft.partition];
          if (queue === undefined) throw new RangeError(`there is no partition ${draft.partition}`);
          return queue.append(draft);
        }),
      );
    },
  };
}
