/** What the tests of the store have in common: a store on a fresh Redis, and the smallest valid records. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Effect } from '../../src/domain/effect.js';
import type { Incident } from '../../src/domain/incident.js';
import type { AlertsInput, ResultInput } from '../../src/domain/input.js';
import type { CommitWrites, Lease } from '../../src/ports/store.js';
import { createStore } from '../../src/store/store.js';
import type { Store, StoreOptions } from '../../src/store/store.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis, TestRedisOptions } from '../kit/redis.js';

export const CLOCK = 'test:clock';

export interface Bench {
  readonly server: TestRedis;
  /** A plain client, to look at keys. */
  readonly raw: Redis;
  readonly prefix: string;
  readonly store: Store;
  readonly conflicts: string[];
  /** Another store on the same data. */
  another(options?: Partial<StoreOptions>): Store;
  key(name: string, partition?: number): string;
  /** A digest of everything in Redis. */
  digest(): Promise<string>;
  /** Sets the manual clock (ms) of a bench with `clock: true`. */
  setTime(ms: number): Promise<void>;
  /** Closes the clients; the server goes on. */
  leave(): Promise<void>;
  /** leave(), and ends the server. */
  close(): Promise<void>;
}

export async function openBench(
  options: { redis?: TestRedisOptions; store?: Partial<StoreOptions>; clock?: boolean } = {},
): Promise<Bench> {
  const server = await startRedis(options.redis);
  return benchOn(server, options);
}

/** Several benches can share one server: each has its own prefix. */
export async function benchOn(
  server: TestRedis,
  options: { store?: Partial<StoreOptions>; clock?: boolean } = {},
): Promise<Bench> {
  const prefix = `t${randomBytes(4).toString('hex')}`;
  const raw = new Redis({ path: server.socketPath, protocol: 2, retryStrategy: () => 20, disconnectTimeout: 100 });
  raw.on('error', () => undefined);
  const conflicts: string[] = [];
  const opened: Store[] = [];
  const another = (more: Partial<StoreOptions> = {}): Store => {
    const store = createStore({
      url: server.socketPath,
      prefix,
      durability: 'accept-loss',
      onConflict: (_partition, why) => conflicts.push(why),
      ...(options.clock === true ? { clockKey: CLOCK } : {}),
      ...options.store,
      ...more,
    });
    opened.push(store);
    return store;
  };
  if (options.clock === true) await raw.set(CLOCK, '1000000');
  const store = another();
  await store.verify();
  const leave = async (): Promise<void> => {
    for (const each of opened) await each.close();
    raw.disconnect();
  };
  return {
    server,
    raw,
    prefix,
    store,
    conflicts,
    another,
    key: (name, partition = 0) => `${prefix}:{p${partition}}:${name}`,
    digest: () => raw.debug('DIGEST') as unknown as Promise<string>,
    async setTime(ms) {
      await raw.set(CLOCK, String(ms));
    },
    leave,
    async close() {
      await leave();
      await server.stop();
    },
  };
}

export async function takeLease(store: Store, owner = 'a', ttlMs = 60_000): Promise<Lease> {
  const lease = await store.partition(0).acquire(owner, ttlMs);
  if (lease === null) throw new Error('the lease is taken');
  return lease;
}

export function alerts(text: string): AlertsInput {
  return {
    kind: 'alerts',
    source: 'test',
    alerts: [{ fingerprint: text, name: text, labels: {}, annotations: {}, status: 'firing' }],
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function writes(some: Partial<Mutable<CommitWrites>> = {}): CommitWrites {
  return {
    state: new Map(),
    details: new Map(),
    incidents: new Map(),
    live: new Map(),
    opened: [],
    members: new Map(),
    timeline: new Map(),
    effects: [],
    ...some,
  };
}

export function incident(id: string, some: Partial<Incident> = {}): Incident {
  return {
    v: 1,
    id,
    number: `INC-20261122-${id}`,
    partition: 0,
    status: 'open',
    rule: 'fallback',
    key: {},
    title: id,
    severity: 'P1',
    severityReason: 'test',
    startedAt: 1,
    openedAt: 1,
    lastActivityAt: 1,
    generation: 0,
    reopened: 0,
    merged: [],
    hypotheses: [],
    memberCount: 1,
    firingCount: 1,
    alertNames: {},
    events: [],
    attachKeys: [],
    notifications: [],
    ...some,
  };
}

export function effect(id: string, some: Partial<Effect> = {}): Effect {
  return {
    v: 1,
    id,
    kind: 'notify',
    incident: 'i1',
    generation: 0,
    action: 'trigger',
    role: 'engineering',
    channel: 'slack',
    sink: 'slack',
    lane: `${some.incident ?? 'i1'}.0.slack.engineering`,
    severity: 'P1',
    plannedAt: 0,
    dueAt: 0,
    expiresAt: 9e12,
    reason: 'test',
    ...some,
  };
}

/** Writes that open the incident and plan the effects. */
export function opening(id: string, effects: readonly Effect[] = []): CommitWrites {
  const head = incident(id);
  return writes({
    incidents: new Map([[id, JSON.stringify(head)]]),
    live: new Map([[id, true]]),
    opened: [{ id, number: head.number, openedAt: head.openedAt }],
    effects,
  });
}

export function result(effectId: string, outcome: ResultInput['outcome'] = 'sent'): ResultInput {
  return { kind: 'result', effect: effectId, incident: 'i1', outcome, reason: 'test', attempts: 1 };
}
