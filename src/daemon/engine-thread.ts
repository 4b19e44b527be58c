/**
 * The worker thread that owns partitions: its own event loop, its own Redis connections, its own BullMQ producer.
 * It gets the texts of configuration and rules and compiles them again, since compiled rules cannot be sent to a thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { MetricsSnapshot } from '../telemetry/exposition.js';
import type { EngineRole } from './engine-role.js';
import { startEngineRole } from './engine-role.js';
import { CurrentEntry } from './current-entry.js';
import { assemble, mustPrepare, type Snapshot } from './prepare.js';
import { armFromSpec } from './failpoint-arming.js';

/** What the supervisor gives the thread. */
export interface EngineThreadData {
  readonly snapshot: Snapshot;
  readonly redisUrl: string;
  readonly queueUrl: string;
  readonly replica: string;
  readonly failpoints: string | undefined;
  readonly current: SharedArrayBuffer;
  readonly suspect: { readonly partition: number; readonly entry: string } | undefined;
}

export type ToThread = { readonly type: 'stop' } | { readonly type: 'metrics'; readonly id: number };

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'beat' }
  | { readonly type: 'stopped' }
  | { readonly type: 'metrics'; readonly id: number; readonly snapshot: MetricsSnapshot };

const BEAT_EVERY_MS = 500;

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('the engine thread must be started by the supervisor');
  const data = workerData as EngineThreadData;
  armFromSpec(data.failpoints);
  const say = (message: FromThread): void => port.postMessage(message);
  const { prepared } = mustPrepare(assemble(data.snapshot));
  const role: EngineRole = await startEngineRole({
    config: prepared.config,
    rules: prepared.rules,
    redisUrl: data.redisUrl,
    queueUrl: data.queueUrl,
    replica: data.replica,
    current: new CurrentEntry(data.current),
    ...(data.suspect === undefined ? {} : { suspect: data.suspect }),
  });
  const beat = setInterval(() => say({ type: 'beat' }), BEAT_EVERY_MS);
  port.on('message', (message: ToThread) => {
    if (message.type === 'metrics') {
      void role.metricsSnapshot().then((snapshot) => say({ type: 'metrics', id: message.id, snapshot }));
      return;
    }
    void role.stop().then(() => {
      clearInterval(beat);
      say({ type: 'stopped' });
      port.close();
    });
  });
  say({ type: 'ready' });
}

await main();
