/**
 * Hands due effects to BullMQ. The job's id carries the handout, so that a handout is one job however often it is added,
 * and the next handout is a new job whatever became of the last one.
 */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { StoreError } from '../errors.js';
import { effectful } from '../failpoints.js';
import type { DueEffect } from '../ports/store.js';
import {
  SOCKET_TIMEOUT_MS,
  bullPrefix,
  queueName,
  reconnectDelay,
  type EffectJob,
  type QueueConnection,
} from './connection.js';

export interface RelayOptions {
  readonly connection: QueueConnection;
  readonly prefix: string;
  /** Names of the configured sinks; an effect of another one goes to `log`'s workers, which settle it as failed. */
  readonly sinks: readonly string[];
  /** Connection errors; the relay goes on by itself. */
  readonly onError?: (error: Error) => void;
}

export interface Relay {
  /** Rejects with StoreError when Redis did not take the jobs: the sweep hands them out again. */
  enqueue(partition: number, due: readonly DueEffect[]): Promise<void>;
  close(): Promise<void>;
}

const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_WAIT_MS = 2_000;
const FALLBACK_SINK = 'log';
const JOB_OPTIONS = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;

export function createRelay(options: RelayOptions): Relay {
  const onError = options.onError ?? (() => undefined);
  const client = connect(options.connection);
  client.on('error', onError);
  const known = new Set([...options.sinks, FALLBACK_SINK]);
  const queues = new Map([...known].map((sink) => [sink, openQueue(sink, options.prefix, client, onError)]));

  async function addAll(sink: string, partition: number, due: readonly DueEffect[]): Promise<void> {
    const jobs = due.map(({ id, handout }) => ({
      name: 'effect',
      data: { partition, effect: id },
      opts: { ...JOB_OPTIONS, jobId: `${id}.${handout}` },
    }));
    const queue = queues.get(sink);
    const [only] = jobs;
    // a pipeline of ioredis costs more than the command when there is only one
    if (jobs.length === 1 && only !== undefined) await queue?.add(only.name, only.data, only.opts);
    else await queue?.addBulk(jobs);
  }

  return {
    enqueue: async (partition, due) => {
      if (due.length === 0) return;
      const bySink = groupBySink(due, known);
      try {
        await untilReady(client);
        await effectful('relay.enqueue', async () => {
          await Promise.all([...bySink].map(([sink, effects]) => addAll(sink, partition, effects)));
        });
      } catch (error) {
        throw new StoreError(`Redis did not take the jobs of ${due.length} notifications`, { cause: error });
      }
    },
    close: async () => {
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      client.disconnect();
    },
  };
}

function groupBySink(due: readonly DueEffect[], known: ReadonlySet<string>): Map<string, DueEffect[]> {
  const groups = new Map<string, DueEffect[]>();
  for (const effect of due) {
    const sink = known.has(effect.sink) ? effect.sink : FALLBACK_SINK;
    const group = groups.get(sink);
    if (group === undefined) groups.set(sink, [effect]);
    else group.push(effect);
  }
  return groups;
}

/**
 * After an outage the owner's connection may be back before this one: waiting a little for it is better than letting what
 * was taken wait for its next handout. Rejects when it does not come.
 */
function untilReady(client: Redis): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const onReady = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      client.off('ready', onReady);
      reject(new Error(`no connection to Redis within ${RECONNECT_WAIT_MS} ms`));
    }, RECONNECT_WAIT_MS);
    client.once('ready', onReady);
  });
}

/** Collects no commands while Redis is away: the owner must know. */
function connect(connection: QueueConnection): Redis {
  return new Redis({
    ...connection,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    retryStrategy: reconnectDelay,
  });
}

function openQueue(sink: string, prefix: string, client: Redis, onError: (error: Error) => void): Queue<EffectJob> {
  const queue = new Queue<EffectJob>(queueName(sink), {
    connection: client,
    prefix: bullPrefix(prefix),
    // the checks at the start would leave the queue unusable when Redis fails during them
    skipVersionCheck: true,
    skipWaitingForReady: true,
    // nobody listens to BullMQ's event stream: keep it as short as it gets
    streams: { events: { maxLen: 1 } },
  });
  queue.on('error', onError);
  return queue;
}
