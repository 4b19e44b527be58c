/**
 * Hands due effects of an owned partition to BullMQ: at once after a commit that planned some, when the next one is due,
 * and at least once a second for whatever BullMQ lost. The outbox row stays until a worker settles it.
 */
import { effectful } from '../failpoints.js';
import type { DueEffect, Lease, PartitionStore } from '../ports/store.js';
import type { Logger } from '../telemetry/logger.js';
import { Signal } from './signal.js';

const SWEEP_EVERY_MS = 1_000;
const HANDOUT_LIMIT = 200;

/**
 * Catch-up: while the log is applied this late, effects are held back, so that what resolved meanwhile is not paged;
 * released when the owner is nearly up to date, and in any case after the longest hold: a held page is worse than a stale one.
 */
const HOLD_ABOVE_MS = 60_000;
const RELEASE_BELOW_MS = 10_000;
const LONGEST_HOLD_MS = 120_000;

export interface EffectCarrier {
  enqueue(partition: number, due: readonly DueEffect[]): Promise<void>;
}

export class OutboxPump {
  /** Redis's clock minus ours, ms, from the latest look. */
  clockOffsetMs = 0;
  /** Set when the pump lost the lease; the owner then drops its memory. */
  failed: Error | undefined;
  readonly #carrier: EffectCarrier;
  readonly #visibilityMs: number;
  readonly #logger: Logger;
  #poked = new Signal();
  #heldSince: number | undefined;

  constructor(carrier: EffectCarrier, visibilityMs: number, logger: Logger) {
    this.#carrier = carrier;
    this.#visibilityMs = visibilityMs;
    this.#logger = logger;
  }

  /** Effects were committed: look now. */
  poke(): void {
    this.#poked.raise();
  }

  /** Told after each batch how old its last entry is, ms. */
  lagging(behindMs: number): void {
    if (this.#heldSince === undefined && behindMs > HOLD_ABOVE_MS) {
      this.#heldSince = performance.now();
      this.#logger.warn({ behindMs }, 'catching up, notifications are held back');
    } else if (this.#heldSince !== undefined && behindMs < RELEASE_BELOW_MS) {
      this.#release();
    }
  }

  #release(): void {
    this.#heldSince = undefined;
    this.#logger.info('notifications are no longer held back');
    this.poke();
  }

  /** Starts pumping for the lease. */
  start(store: PartitionStore, lease: Lease): { stop(): Promise<void> } {
    const stopping = new Signal();
    this.failed = undefined;
    const done = this.#run(store, lease, stopping);
    return {
      stop: async () => {
        stopping.raise();
        this.#poked.raise();
        await done;
      },
    };
  }

  async #run(store: PartitionStore, lease: Lease, stopping: Signal): Promise<void> {
    while (!stopping.raised) {
      // Replaced before the look, so that a poke during the look is not lost.
      this.#poked = new Signal();
      let waitMs = SWEEP_EVERY_MS;
      if (this.#heldSince !== undefined) {
        if (performance.now() - this.#heldSince > LONGEST_HOLD_MS) this.#release();
        await this.#poked.wait(waitMs);
        continue;
      }
      try {
        const taken = await effectful('relay.take-due', () => store.takeDue(lease, HANDOUT_LIMIT, this.#visibilityMs));
        if (taken === null) {
          this.failed = new Error('the lease was lost');
          return;
        }
        this.clockOffsetMs = taken.now - Date.now();
        if (taken.due.length > 0) await this.#carrier.enqueue(store.partition, taken.due);
        if (taken.due.length === HANDOUT_LIMIT) waitMs = 0;
        else if (taken.nextAt !== null) waitMs = Math.max(0, Math.min(waitMs, taken.nextAt - taken.now));
      } catch (error) {
        // The rows come up again after the visibility time.
        this.#logger.warn({ partition: store.partition, err: error }, 'effects not handed out, the sweep tries again');
      }
      if (waitMs > 0 && !stopping.raised) await this.#poked.wait(waitMs);
    }
  }
}
