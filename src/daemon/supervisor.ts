/**
 * Starts the engine thread, watches that it beats, and starts a new one when it spins, runs out of memory or dies. The
 * entry that was being decided when that happened is handed to the successor, which counts the failed attempt.
 */
import { Worker } from 'node:worker_threads';
import type { MetricsSnapshot } from '../telemetry/exposition.js';
import type { Logger } from '../telemetry/logger.js';
import { CurrentEntry } from './current-entry.js';
import type { EngineThreadData, FromThread, ToThread } from './engine-thread.js';
import { Signal } from './signal.js';

export interface SupervisorOptions {
  /** Asked at every start of a thread, so that a reload reaches it. */
  readonly data: () => Omit<EngineThreadData, 'current' | 'suspect'>;
  readonly logger: Logger;
  /** No beat for this long: the thread is taken to spin, ms. */
  readonly stallMs: number;
  /** Longest wait for the thread to finish its batch at a stop, ms. */
  readonly stopMs: number;
  readonly onRestart: (reason: string) => void;
  /** Heap of the thread, MB: an entry that exhausts it ends the thread, not the daemon. Default: what V8 takes. */
  readonly maxHeapMb?: number;
  /** The thread's program; default: engine-thread.js. */
  readonly program?: URL;
}

export interface EngineSupervisor {
  /** Registry snapshots of the thread, for merging; empty when it does not answer in time. */
  metricsSnapshot(): Promise<MetricsSnapshot[]>;
  /** Lets the thread finish its batch and starts a new one on the current data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const METRICS_WAIT_MS = 1_000;
const RESTART_WAIT_MS = 200;
const LOOKS_A_STALL = 5;

export function superviseEngine(options: SupervisorOptions): EngineSupervisor {
  const stopping = new Signal();
  let worker: Worker | undefined;
  let replacing = false;
  let asked = 0;
  const answers = new Map<number, (snapshot: MetricsSnapshot[]) => void>();

  const done = (async (): Promise<void> => {
    let suspect: EngineThreadData['suspect'];
    while (!stopping.raised) {
      suspect = await runThread(suspect);
      if (!stopping.raised) await stopping.wait(RESTART_WAIT_MS);
    }
  })();

  /** Resolves when the thread has ended, with the entry to suspect. */
  function runThread(suspect: EngineThreadData['suspect']): Promise<EngineThreadData['suspect']> {
    return new Promise((resolve) => {
      const current = new CurrentEntry();
      const data: EngineThreadData = { ...options.data(), current: current.buffer, suspect };
      const thread = new Worker(options.program ?? new URL('./engine-thread.js', import.meta.url), {
        workerData: data,
        ...(options.maxHeapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb } }),
      });
      worker = thread;
      let silentLooks = 0;
      let reason = 'exited';
      let running = false;
      // Looks are counted, not time: after the whole process was frozen, the thread gets its chance to beat first.
      const watch = setInterval(() => {
        silentLooks += 1;
        if (!running || silentLooks <= LOOKS_A_STALL) return;
        reason = `did not answer for ${options.stallMs} ms`;
        void thread.terminate();
      }, options.stallMs / LOOKS_A_STALL);
      thread.on('message', (message: FromThread) => {
        silentLooks = 0;
        if (message.type === 'ready') running = true;
        if (message.type === 'metrics') {
          answers.get(message.id)?.([message.snapshot]);
          answers.delete(message.id);
        }
      });
      thread.on('error', (error) => {
        reason = error.message;
      });
      thread.on('exit', (code) => {
        clearInterval(watch);
        worker = undefined;
        for (const answer of answers.values()) answer([]);
        answers.clear();
        // After a stop that the thread obeyed nothing is suspect; otherwise the entry in hand is.
        const culprit = code === 0 ? undefined : (current.get() ?? suspect);
        if (!stopping.raised && !replacing) {
          options.logger.error({ reason, code, entry: culprit?.entry }, 'engine thread ended, starting a new one');
          options.onRestart(reason);
        }
        resolve(culprit);
      });
    });
  }

  /** Asks the thread to stop; ends it when it does not in time. */
  async function endThread(): Promise<void> {
    const thread = worker;
    if (thread === undefined) return;
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage({ type: 'stop' } satisfies ToThread);
    const timer = setTimeout(() => void thread.terminate(), options.stopMs);
    await ended;
    clearTimeout(timer);
  }

  return {
    metricsSnapshot() {
      const thread = worker;
      if (thread === undefined) return Promise.resolve([]);
      asked += 1;
      const id = asked;
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          answers.delete(id);
          resolve([]);
        }, METRICS_WAIT_MS);
        answers.set(id, (snapshot) => {
          clearTimeout(timer);
          resolve(snapshot);
        });
        thread.postMessage({ type: 'metrics', id } satisfies ToThread);
      });
    },
    async restart() {
      replacing = true;
      await endThread();
      replacing = false;
    },
    async stop() {
      stopping.raise();
      await endThread();
      await done;
    },
  };
}
