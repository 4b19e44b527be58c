/**
 * Keeps a lease alive. The fence inside every commit is what makes a stale owner harmless; the renewal is only for
 * liveness, and the local deadline only stops an owner from doing work that could never be committed.
 */
import { effectful } from '../failpoints.js';
import type { Lease, PartitionStore } from '../ports/store.js';
import type { Logger } from '../telemetry/logger.js';

export interface HeldLease {
  readonly lease: Lease;
  /** Throws what `make` returns when the lease is known or presumed to be lost. */
  check(make: (reason: string) => Error): void;
  /** Stops renewing and gives the lease back when it is still ours. */
  end(): Promise<void>;
}

export function holdLease(store: PartitionStore, lease: Lease, ttlMs: number, logger: Logger): HeldLease {
  let lost: string | undefined;
  let validUntil = performance.now() + ttlMs;
  let renewing: Promise<void> = Promise.resolve();

  async function renew(): Promise<void> {
    const asked = performance.now();
    try {
      const ours = await effectful('lease.renew', () => store.renew(lease, ttlMs));
      if (ours) validUntil = asked + ttlMs;
      else lost = 'another owner has the lease';
    } catch (error) {
      logger.warn({ partition: lease.partition, err: error }, 'lease not renewed');
    }
  }
  const timer = setInterval(() => {
    renewing = renew();
  }, ttlMs / 3);

  return {
    lease,
    check(make) {
      if (lost !== undefined) throw make(lost);
      if (performance.now() > validUntil) throw make('the lease ran out before it could be renewed');
    },
    async end() {
      clearInterval(timer);
      await renewing;
      if (lost !== undefined) return;
      try {
        await store.release(lease);
      } catch (error) {
        logger.warn({ partition: lease.partition, err: error }, 'lease not given back, it will expire');
      }
    },
  };
}
