/** A store, a relay and workers on a real Redis, with a sink that does as the test says. */
import type { Effect } from '../../src/domain/effect.js';
import type { Incident } from '../../src/domain/incident.js';
import type { ActionResult, DeliveryContext, Notification, Sink } from '../../src/ports/sink.js';
import type { Lease, Outbox } from '../../src/ports/store.js';
import type { DeliverySettings } from '../../src/queue/deliver.js';
import type { WorkerEvent } from '../../src/queue/events.js';
import { createRelay, type Relay } from '../../src/queue/relay.js';
import { startWorkers, type Workers } from '../../src/queue/worker.js';
import type { TestRedis } from '../kit/redis.js';
import { benchOn, incident, takeLease, writes, type Bench } from '../store/samples.js';

export const OK: ActionResult = { ok: true, detail: 'taken' };
export const TRY_AGAIN: Extract<ActionResult, { ok: false }> = {
  ok: false,
  retry: true,
  reason: 'server',
  detail: 'answered 500',
  unknownOutcome: false,
};

type Deliver = (notification: Notification, context: DeliveryContext) => Promise<ActionResult> | ActionResult;

export class ScriptedSink implements Sink {
  readonly type = 'slack';
  readonly deliveries: { readonly notification: Notification; readonly context: DeliveryContext }[] = [];
  answer: Deliver = () => OK;

  async deliver(notification: Notification, context: DeliveryContext): Promise<ActionResult> {
    this.deliveries.push({ notification, context });
    return this.answer(notification, context);
  }
}

export interface Rig {
  readonly bench: Bench;
  readonly sink: ScriptedSink;
  readonly relay: Relay;
  readonly events: WorkerEvent[];
  work(settings?: Partial<DeliverySettings>, outbox?: Outbox): Promise<Workers>;
  /** One commit that opens the incident and plans the effects. */
  plan(effects: readonly Effect[], head?: Partial<Incident>): Promise<void>;
  /** Hands out what is due; returns how many. */
  sweep(visibilityMs?: number): Promise<number>;
  /** Sweeps until the effect is done, a few milliseconds apart as the owner does it. */
  drive(effectId: string): Promise<Extract<WorkerEvent, { type: 'settled' }>>;
  /** The first event, past or coming, that fits. */
  next<T extends WorkerEvent['type']>(
    type: T,
    fits?: (event: Extract<WorkerEvent, { type: T }>) => boolean,
  ): Promise<Extract<WorkerEvent, { type: T }>>;
  /** Bodies of the results in the log. */
  results(): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openRig(server: TestRedis): Promise<Rig> {
  const bench = await benchOn(server);
  const lease: Lease = await takeLease(bench.store);
  const partition = bench.store.partition(0);
  const sink = new ScriptedSink();
  const connection = { path: server.socketPath };
  const relay = createRelay({ connection, prefix: bench.prefix, sinks: ['slack'] });
  const events: WorkerEvent[] = [];
  const listeners = new Set<(event: WorkerEvent) => void>();
  const started: Workers[] = [];
  let cursor = '0-0';

  const rig: Rig = {
    bench,
    sink,
    relay,
    events,
    async work(settings = {}, outbox = bench.store.outbox) {
      const workers = startWorkers({
        connection,
        prefix: bench.prefix,
        outbox,
        sinks: new Map([
          ['slack', sink],
          ['log', sink],
        ]),
        externalUrl: 'http://tocsin.example',
        settings: { concurrency: 4, claimTtlMs: 30_000, retry: { firstMs: 20, maxMs: 40 }, ...settings },
        logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
        onEvent: (event) => {
          events.push(event);
          for (const listener of listeners) listener(event);
        },
        random: () => 0.5,
      });
      started.push(workers);
      await workers.ready();
      return workers;
    },
    async plan(effects, head = {}) {
      const id = effects[0]?.incident ?? 'i1';
      const record = incident(id, head);
      const entry = (await partition.appendOwn(lease, { kind: 'tick' })) ?? '';
      const read = await partition.read(cursor, 1_000, 0);
      const outcome = await partition.commit({
        lease,
        expected: cursor,
        cursor: entry,
        seq: read.find((each) => each.id === entry)?.seq ?? 0,
        writes: writes({
          incidents: new Map([[id, JSON.stringify(record)]]),
          live: new Map([[id, true]]),
          opened: [{ id, number: record.number, openedAt: record.openedAt }],
          effects,
        }),
      });
      if (outcome !== 'committed') throw new Error(outcome);
      cursor = entry;
    },
    async sweep(visibilityMs = 30_000) {
      const taken = await partition.takeDue(lease, 100, visibilityMs);
      if (taken === null) throw new Error('the lease is lost');
      await relay.enqueue(0, taken.due);
      return taken.due.length;
    },
    async drive(effectId) {
      let done = false;
      const settled = rig.next('settled', (event) => event.effect.id === effectId);
      void settled.then(() => (done = true));
      while (!done) {
        await rig.sweep();
        await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 5))]);
      }
      return settled;
    },
    next<T extends WorkerEvent['type']>(
      type: T,
      fits: (event: Extract<WorkerEvent, { type: T }>) => boolean = () => true,
    ) {
      const matches = (event: WorkerEvent): event is Extract<WorkerEvent, { type: T }> =>
        event.type === type && fits(event as Extract<WorkerEvent, { type: T }>);
      const past = events.find(matches);
      if (past !== undefined) return Promise.resolve<Extract<WorkerEvent, { type: T }>>(past);
      return new Promise<Extract<WorkerEvent, { type: T }>>((resolve) => {
        const listener = (event: WorkerEvent): void => {
          if (!matches(event)) return;
          listeners.delete(listener);
          resolve(event);
        };
        listeners.add(listener);
      });
    },
    async results() {
      const rows = await bench.raw.xrange(bench.key('in'), '-', '+');
      const bodies = rows.map(
        ([, fields]) => JSON.parse(fields[fields.indexOf('b') + 1] ?? '{}') as Record<string, unknown>,
      );
      return bodies.filter((body) => body['kind'] === 'result');
    },
    async close() {
      for (const workers of started) await workers.close(0);
      await relay.close();
      await bench.leave();
    },
  };
  return rig;
}
