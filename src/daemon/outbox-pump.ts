/**
 * Hands due effects of an owned partition to BullMQ: those that were due when they were committed at once, the others when
 * they are due, and at least once a second whatever BullMQ lost. The outbox row stays until a worker settles it.
 */
import { effectful } from '../failpoints.js';
import type { Effect } from '../domain/effect.js';
import type { Commit, DueEffect, Lease, PartitionStore } from '../ports/store.js';
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
  readonly #carrying = new Set<Promise<void>>();

  constructor(carrier: EffectCarrier, visibilityMs: number, logger: Logger) {
    this.#carrier = carrier;
    this.#visibilityMs = visibilityMs;
    this.#logger = logger;
  }

  /**
   * Which of the effects that are about to be committed with an entry of the time `at` need no look at the outbox: they are
   * due, and are carried right after the commit. None while effects are held back; what is beyond one load waits for its look.
   */
  handOut(effects: readonly Effect[], at: number): Commit['handOut'] {
    if (this.#heldSince !== undefined) return undefined;
    const due = effects.filter(({ dueAt }) => dueAt <= at).slice(0, HANDOUT_LIMIT);
    if (due.length === 0) return undefined;
    return { effects: new Set(due.map(({ id }) => id)), visibilityMs: this.#visibilityMs };
  }

  /** The effects were committed: carries those that were handed out, and looks for the others when they are due. */
  committed(partition: number, effects: readonly Effect[], handOut: Commit['handOut']): void {
    const due: DueEffect[] = [];
    let nextAt = Infinity;
    for (const { id, sink, dueAt } of effects) {
      if (handOut?.effects.has(id) === true) due.push({ id, sink, handout: 1 });
      else nextAt = Math.min(nextAt, dueAt);
    }
    if (nextAt < Date.now() + this.clockOffsetMs + SWEEP_EVERY_MS) this.#poked.raise();
    if (due.length === 0) return;
    const carrying = this.#carrier
      .enqueue(partition, due)
      .catch((error: unknown) => this.#notCarried(partition, error));
    this.#carrying.add(carrying);
    void carrying.then(() => this.#carrying.delete(carrying));
  }

  /** The rows come up again after the visibility time. */
  #notCarried(partition: number, error: unknown): void {
    this.#logger.warn({ partition, err: error }, 'effects not handed out, the sweep tries again');
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
    this.#poked.raise();
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
        await Promise.all(this.#carrying);
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
        this.#notCarried(store.partition, error);
      }
      if (waitMs > 0 && !stopping.raised) await this.#poked.wait(waitMs);
    }
  }
}
