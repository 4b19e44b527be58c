/** Measures what admission decides on. One for each server. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { AppendReceipt } from '../ports/store.js';
import type { Load } from './admission.js';
import type { HealthSnapshot } from './deps.js';

const LOOP_RESOLUTION_MS = 20;
const WINDOW_MS = 500;
/** A receipt older than this says nothing about now: one request goes through and asks again. */
const RECEIPT_AGE_MS = 3_000;

export interface LoadMeter {
  enter(): void;
  leave(): void;
  addBytes(bytes: number): void;
  /** Remembers how far behind the partition was just after an append. */
  noteReceipt(partition: number, receipt: AppendReceipt): void;
  read(): Load;
  close(): void;
}

export function createLoadMeter(health: () => HealthSnapshot | undefined, now: () => number): LoadMeter {
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  let delayMs = 0;
  // the mean of the window, not its peak: one large body is not an overload
  const timer = setInterval(() => {
    const mean = delay.count === 0 ? 0 : delay.mean / 1e6;
    delayMs = Math.max(0, mean - LOOP_RESOLUTION_MS);
    delay.reset();
  }, WINDOW_MS).unref();
  let inFlight = 0;
  let bytesInFlight = 0;
  const receipts = new Map<number, { readonly lag: number; readonly at: number }>();

  function lag(snapshot: HealthSnapshot | undefined): number {
    let worst = 0;
    for (const partition of snapshot?.store.partitions ?? []) {
      const receipt = receipts.get(partition.partition);
      const newer = receipt !== undefined && receipt.at >= (snapshot?.at ?? 0);
      if (!newer) worst = Math.max(worst, partition.appended - partition.committed);
    }
    const oldest = Math.max(now() - RECEIPT_AGE_MS, snapshot?.at ?? 0);
    for (const receipt of receipts.values()) if (receipt.at >= oldest) worst = Math.max(worst, receipt.lag);
    return worst;
  }

  return {
    enter: () => void (inFlight += 1),
    leave: () => void (inFlight -= 1),
    addBytes: (bytes) => void (bytesInFlight += bytes),
    noteReceipt: (partition, receipt) => void receipts.set(partition, { lag: receipt.lag, at: now() }),
    read() {
      const snapshot = health();
      return {
        inFlight,
        bytesInFlight,
        lag: lag(snapshot),
        eventLoopDelayMs: delayMs,
        usedMemory: snapshot?.store.usedMemory ?? 0,
        maxMemory: snapshot?.store.maxMemory ?? 0,
      };
    },
    close() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
