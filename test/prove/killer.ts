/**
 * The killer: a random process every moment, Redis every one to three seconds, and now and then a long freeze. On a machine
 * that cannot start replicas as fast as they die, it waits for them, as long as the run is not behind its number of kills.
 */
import { setTimeout as pause } from 'node:timers/promises';

import type { Supervised } from './processes/supervised.js';
import type { Random } from './random.js';

export interface KillerOptions {
  readonly random: Random;
  readonly replicas: readonly Supervised[];
  readonly receivers: readonly Supervised[];
  readonly redis: Supervised;
  /** True when the run is behind its number of kills: then nobody waits for replicas to be up. */
  readonly behind: () => boolean;
  /** Between two strikes, ms. */
  readonly everyMs: { readonly least: number; readonly most: number };
}

const REDIS_EVERY_MS = { least: 1_000, most: 3_000 };
/** Beyond the lease of one second and up to beyond the claim of two. */
const FREEZE_MS = { least: 1_300, most: 2_800 };
/** Counted, not drawn: a short run must have enough of them. */
const FREEZE_EVERY = 8;
const RECEIVER_CHANCE = 0.04;
/** Some strikes hit a replica while it starts. */
const STARTING_CHANCE = 0.1;
/** Share of the replicas that must be up: a system that never gets up has nothing to lose. */
const LEAST_UP = 0.5;

export class Killer {
  readonly freezes: { readonly process: string; readonly ms: number }[] = [];
  readonly #options: KillerOptions;
  readonly #frozen = new Set<Promise<void>>();
  #redisDue = 0;
  #victims = 0;

  constructor(options: KillerOptions) {
    this.#options = options;
  }

  /** Strikes until the signal, then waits until all that is frozen has gone on. */
  async run(until: AbortSignal): Promise<void> {
    const { random, everyMs } = this.#options;
    this.#redisDue = this.#nextRedis();
    while (!until.aborted) {
      await pause(random.integer(everyMs.least, everyMs.most));
      this.#strike();
    }
    await Promise.all(this.#frozen);
  }

  #nextRedis(): number {
    return performance.now() + this.#options.random.integer(REDIS_EVERY_MS.least, REDIS_EVERY_MS.most);
  }

  #strike(): void {
    const { random, redis, replicas, receivers } = this.#options;
    if (performance.now() >= this.#redisDue) {
      this.#redisDue = this.#nextRedis();
      redis.kill();
      return;
    }
    if (random.chance(RECEIVER_CHANCE)) {
      random.pick(receivers).kill();
      return;
    }
    const awake = replicas.filter((process) => process.alive && !process.paused);
    const up = awake.filter((process) => process.up);
    const starting = awake.filter((process) => !process.up);
    if (up.length < LEAST_UP * replicas.length && !this.#options.behind()) return;
    const within = starting.length > 0 && (up.length === 0 || random.chance(STARTING_CHANCE)) ? starting : up;
    if (within.length === 0) return;
    const victim = random.pick(within);
    this.#victims += 1;
    if (this.#victims % FREEZE_EVERY === 0) this.#freeze(victim, random.integer(FREEZE_MS.least, FREEZE_MS.most));
    else victim.kill();
  }

  #freeze(victim: Supervised, ms: number): void {
    this.freezes.push({ process: victim.plan.name, ms });
    const frozen = victim.freeze(ms).finally(() => this.#frozen.delete(frozen));
    this.#frozen.add(frozen);
  }
}
