/**
 * The senders: they tell stories to the intakes over HTTP and repeat each delivery until it is answered 202, at another
 * intake each time, as an Alertmanager behind a load balancer would.
 */
import { setTimeout as pause } from 'node:timers/promises';

import type { Random } from '../random.js';
import { drawScenario } from './scenario.js';
import type { Ledger } from './ledger.js';
import { tellStory, type Delivery, type Story } from './story.js';

export interface SenderOptions {
  readonly random: Random;
  readonly ledger: Ledger;
  /** Base addresses of the intakes. */
  readonly intakes: readonly string[];
  /** New stories a second, on average. */
  readonly storiesPerSecond: number;
  /** Stories told at the same time at most; beyond, the senders wait. */
  readonly mostAtOnce: number;
}

const REQUEST_TIMEOUT_MS = 4_000;
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export class Senders {
  readonly #options: SenderOptions;
  readonly #random: Random;
  readonly #telling = new Set<Promise<void>>();
  readonly #givingUp = new AbortController();
  #count = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  /** Begins new stories until the signal; stories begun go on. */
  async run(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      if (this.#telling.size < this.#options.mostAtOnce) this.#begin();
      const meanMs = 1_000 / this.#options.storiesPerSecond;
      await pause(Math.max(1, meanMs * 2 * this.#random.next()), undefined, { ref: true });
    }
  }

  /** Begins exactly this many stories and waits for them. */
  async tell(count: number): Promise<void> {
    for (let told = 0; told < count; told += 1) this.#begin();
    await Promise.all(this.#telling);
  }

  /** Waits for the stories begun; gives up on them after `limitMs`. Returns how many were given up. */
  async finish(limitMs: number): Promise<number> {
    const timer = setTimeout(() => this.#givingUp.abort(), limitMs);
    const unfinished = this.#telling.size;
    await Promise.all(this.#telling);
    clearTimeout(timer);
    return this.#givingUp.signal.aborted ? unfinished : 0;
  }

  #begin(): void {
    const { ledger } = this.#options;
    const id = `s${(this.#count += 1)}`;
    const sizes = this.#random.chance(0.25) ? 2 : 1;
    const now = Date.now();
    const scenarios = Array.from({ length: sizes }, (_, index) =>
      drawScenario(this.#random, `${id}${'ab'[index]}`, now),
    );
    ledger.begin(scenarios);
    const telling = this.#tell(tellStory(id, scenarios, this.#random)).finally(() => this.#telling.delete(telling));
    this.#telling.add(telling);
  }

  async #tell(story: Story): Promise<void> {
    for (const round of story.rounds) {
      await pause(round.afterMs);
      const deliveries = round.deliveries(Date.now());
      const answered = await Promise.all(deliveries.map((delivery) => this.#deliver(delivery)));
      // a later round may only follow what is certainly there, or the order of the log would be anybody's guess
      if (answered.includes(false)) return;
    }
  }

  /** True once answered 202, false when the run gave up. */
  async #deliver(delivery: Delivery): Promise<boolean> {
    await pause(this.#random.integer(0, 150));
    for (
      let patience = SHORTEST_PAUSE_MS;
      !this.#givingUp.signal.aborted;
      patience = Math.min(2 * patience, LONGEST_PAUSE_MS)
    ) {
      const status = await this.#post(delivery);
      if (status === 202) {
        this.#options.ledger.acknowledge(delivery);
        return true;
      }
      await pause(this.#random.integer(patience / 2, patience));
    }
    return false;
  }

  async #post(delivery: Delivery): Promise<number> {
    const { ledger, intakes } = this.#options;
    try {
      const response = await fetch(`${this.#random.pick(intakes)}${delivery.door}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: delivery.body,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      const text = await response.text();
      ledger.countAnswer(String(response.status));
      if (response.status !== 202 && response.status !== 503) {
        ledger.refusals.push({ delivery: delivery.id, status: response.status, body: text.slice(0, 500) });
      }
      return response.status;
    } catch {
      // killed in the middle, not there, or too slow: the sender cannot know, and asks again
      ledger.countAnswer('no answer');
      return 0;
    }
  }
}
