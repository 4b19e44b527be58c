/**
 * The workers: one BullMQ worker a sink, each job one effect (deliver.ts). BullMQ only carries: jobs never fail, have one
 * attempt and are removed, and whatever it loses the sweep of the outbox hands out again.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker, type Job } from 'bullmq';
import type { Outbox } from '../ports/store.js';
import type { Sink } from '../ports/sink.js';
import {
  SOCKET_TIMEOUT_MS,
  bullPrefix,
  queueName,
  reconnectDelay,
  withoutUndefined,
  type EffectJob,
  type QueueConnection,
} from './connection.js';
import { deliverEffect, type DeliveryContext, type DeliverySettings } from './deliver.js';
import type { WorkerEvent } from './events.js';

export interface WorkerLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface WorkersOptions {
  readonly connection: QueueConnection;
  readonly prefix: string;
  readonly outbox: Outbox;
  /** Name -> sink; the same names as the relay has. */
  readonly sinks: ReadonlyMap<string, Sink>;
  readonly externalUrl: string;
  readonly settings: DeliverySettings & {
    /** Effects of one sink delivered at the same time. */ readonly concurrency: number;
  };
  readonly logger: WorkerLogger;
  /** For metrics; must not throw. */
  readonly onEvent?: (event: WorkerEvent) => void;
  /** Uniform in [0, 1); for the jitter. Default Math.random. */
  readonly random?: () => number;
}

export interface Workers {
  /** Resolves when all workers are connected and fetch jobs. */
  ready(): Promise<void>;
  /**
   * Takes no more effects, waits up to `graceMs` for those in hand, then aborts them and gives them back. Ends within
   * about `graceMs` + 1.5 s, also while Redis is down.
   */
  close(graceMs: number): Promise<void>;
}

const LOCK_MS = 30_000;
/** How long an idle worker waits for a job in one read. A new job ends the wait at once. */
const DRAIN_SECONDS = 1;
const RETRY_AFTER_ERROR_MS = 250;
/** For giving back what was aborted, and for BullMQ to note that its jobs ended. */
const LAST_WRITES_MS = 700;

export function startWorkers(options: WorkersOptions): Workers {
  const stop = new AbortController();
  // one listener for each delivery under way
  setMaxListeners(0, stop.signal);
  const inHand = new Set<Promise<void>>();
  const report = (event: WorkerEvent): void => {
    logEvent(options.logger, event);
    options.onEvent?.(event);
  };
  const context: DeliveryContext = {
    outbox: options.outbox,
    sinks: options.sinks,
    externalUrl: options.externalUrl,
    settings: options.settings,
    random: options.random ?? Math.random,
    report,
    stop: stop.signal,
  };

  async function run(job: Job<EffectJob>): Promise<void> {
    // one that arrived in the last read before the end: it is handed out again
    if (stop.signal.aborted) return;
    const delivery = deliverEffect(job.data, context);
    inHand.add(delivery);
    await delivery;
    inHand.delete(delivery);
  }

  const workers = [...options.sinks.keys()].map((sink) => openWorker(sink, options, run, report));
  return {
    ready: async () => {
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    },
    close: async (graceMs) => {
      await within(LAST_WRITES_MS, Promise.allSettled(workers.map((worker) => worker.pause(true))));
      await within(graceMs, Promise.allSettled(inHand));
      stop.abort(new Error('this replica is stopping'));
      await within(LAST_WRITES_MS, Promise.allSettled(inHand));
      await within(LAST_WRITES_MS, Promise.allSettled(workers.map((worker) => worker.close(true))));
    },
  };
}

function openWorker(
  sink: string,
  { connection, prefix, settings }: WorkersOptions,
  run: (job: Job<EffectJob>) => Promise<void>,
  report: (event: WorkerEvent) => void,
): Worker<EffectJob> {
  const worker = new Worker<EffectJob>(queueName(sink), run, {
    connection: withoutUndefined({
      ...connection,
      maxRetriesPerRequest: null,
      retryStrategy: reconnectDelay,
      socketTimeout: SOCKET_TIMEOUT_MS,
    }),
    prefix: bullPrefix(prefix),
    concurrency: settings.concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: LOCK_MS,
    // a job that met two kills is still as good as new
    maxStalledCount: 1_000_000,
    drainDelay: DRAIN_SECONDS,
    runRetryDelay: RETRY_AFTER_ERROR_MS,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    // its checks at the start would leave the worker dead when Redis fails during them
    skipVersionCheck: true,
  });
  worker.on('error', (error) => report({ type: 'connection-error', sink, error }));
  return worker;
}

/** Waits for it, at most `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, pause(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}

function logEvent(logger: WorkerLogger, event: WorkerEvent): void {
  if (event.type === 'passed') return logger.debug(event, 'effect needs nothing');
  if (event.type === 'connection-error') {
    return logger.warn({ sink: event.sink, err: event.error }, 'queue connection failed, reconnecting');
  }
  if (event.type === 'error')
    return logger.error({ effect: event.effect, err: event.error }, 'effect left for the sweep');
  const { id, incident, sink, role, channel, action } = event.effect;
  const fields = { effect: id, incident, sink, role, channel, action, attempts: event.attempts };
  if (event.type === 'retry') {
    const { reason, detail, delayMs } = event;
    return logger.warn({ ...fields, reason, detail, delayMs }, 'notification failed, will be tried again');
  }
  if (!event.kept)
    return logger.warn({ ...fields, outcome: event.outcome }, 'claim was lost before the result was kept');
  if (event.outcome === 'failed')
    return logger.error({ ...fields, reason: event.reason }, 'notification failed for good');
  logger.info(
    { ...fields, reason: event.reason },
    event.outcome === 'sent' ? 'notification sent' : 'notification skipped',
  );
}
