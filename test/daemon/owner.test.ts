import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { CurrentEntry } from '../../src/daemon/current-entry.js';
import { OutboxPump } from '../../src/daemon/outbox-pump.js';
import { type Owner, startOwner } from '../../src/daemon/owner.js';
import { encodeInput, type Input, streamTime } from '../../src/domain/input.js';
import type { EngineConfig } from '../../src/engine/index.js';
import type { Commit, LogEntry, PartitionStore } from '../../src/ports/store.js';
import { createEngineMetrics } from '../../src/telemetry/metrics.js';
import { contextOf, MINUTE, Writings } from '../kit/engine.js';

/** A partition in memory, of one owner. `committed(test)` resolves when a commit satisfies the test; `looked()` at the next look at the outbox. */
class MemoryPartition {
  readonly writings = new Writings();
  readonly log: LogEntry[] = [];
  readonly commits: Commit[] = [];
  /** False: a tick is said to be appended and never arrives. */
  ticks = true;
  #cursor = '0-0';
  #last = 0;
  #wake: () => void = () => undefined;
  readonly #waiting = new Set<{ test: (commit: Commit) => boolean; resolve: (commit: Commit) => void }>();
  readonly #looking = new Set<() => void>();

  append(input: Input, at: number): string {
    this.#last = Math.max(this.#last + 1, at);
    const id = `${this.#last}-0`;
    this.log.push({ id, seq: this.log.length + 1, body: encodeInput(input) });
    this.#wake();
    return id;
  }

  committed(test: (commit: Commit) => boolean): Promise<Commit> {
    const found = this.commits.find(test);
    return found === undefined
      ? new Promise((resolve) => this.#waiting.add({ test, resolve }))
      : Promise.resolve(found);
  }

  looked(): Promise<void> {
    return new Promise((resolve) => this.#looking.add(resolve));
  }

  readonly store: PartitionStore = {
    partition: 0,
    acquire: (owner) => Promise.resolve({ partition: 0, owner, fence: 1 }),
    renew: () => Promise.resolve(true),
    release: () => Promise.resolve(),
    load: () => Promise.resolve({ ...this.writings.load(), cursor: this.#cursor }),
    read: async (after, count, blockMs) => {
      const next = (): LogEntry[] => {
        const from = after === '0-0' ? 0 : this.log.findIndex(({ id }) => id === after) + 1;
        return this.log.slice(from, from + count);
      };
      if (next().length === 0 && blockMs > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, blockMs);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return next();
    },
    commit: (commit) => {
      this.#cursor = commit.cursor;
      this.writings.apply(commit.writes);
      this.commits.push(commit);
      for (const one of this.#waiting) if (one.test(commit)) one.resolve(commit);
      return Promise.resolve('committed');
    },
    appendOwn: (_, input) => Promise.resolve(this.ticks ? this.append(input, Date.now()) : '0-1'),
    countAttempt: () => Promise.resolve(1),
    time: () => Promise.resolve(Date.now()),
    trim: () => Promise.resolve(0),
    takeDue: () => {
      for (const resolve of this.#looking) resolve();
      this.#looking.clear();
      return Promise.resolve({ due: [], nextAt: null, now: Date.now() });
    },
  };
}

function own(partition: MemoryPartition, config: Partial<EngineConfig> = {}): Owner {
  const logger = pino({ level: 'silent' });
  return startOwner({
    store: partition.store,
    context: contextOf(undefined, config),
    settings: { replica: 'r1', leaseTtlMs: 10_000, batch: 128, retentionMs: 3_600_000 },
    pump: new OutboxPump({ enqueue: () => Promise.resolve() }, 30_000, logger),
    logger,
    metrics: createEngineMetrics(new Registry()),
    current: new CurrentEntry(),
    held: { count: 0 },
  });
}

function alert(service: string, startsAt: number, endsAt?: number, annotation = '', severity = 'critical'): Input {
  const labels = { alertname: 'Broken', service };
  const said = endsAt === undefined ? { status: 'firing' as const } : { status: 'resolved' as const, endsAt };
  const annotations = { text: annotation };
  const update = {
    fingerprint: `am:${service}`,
    name: 'Broken',
    labels,
    annotations,
    severity,
    startsAt,
    ...said,
  };
  return { kind: 'alerts', source: 'am', alerts: [update] };
}

describe('the owner of a partition', () => {
  it('lets notifications go as soon as an old log is applied, without waiting for another entry', async () => {
    const partition = new MemoryPartition();
    partition.ticks = false;
    const at = Date.now() - 5 * MINUTE;
    const id = partition.append(alert('a', at), at);
    const owner = own(partition);
    await partition.committed(({ cursor }) => cursor === id);
    await partition.looked();
    // one look may have been under way when the hold began
    await partition.looked();
    await owner.stop();
    expect(partition.commits).toHaveLength(1);
    expect(partition.commits[0]?.writes.effects).not.toHaveLength(0);
    expect(partition.commits[0]?.handOut).toBeUndefined();
  });

  it('commits what a shorter setting makes due at the load, with its notifications', async () => {
    const partition = new MemoryPartition();
    const at = Date.now() - 30 * MINUTE;
    partition.append(alert('a', at), at);
    partition.append(alert('a', at, at + MINUTE), at + MINUTE);
    const last = partition.append(alert('b', at + 20 * MINUTE), at + 20 * MINUTE);
    const before = own(partition, { resolveAfterMs: 60 * MINUTE });
    await partition.committed(({ cursor }) => cursor === last);
    await before.stop();
    expect(partition.writings.heads().map(({ status }) => status)).toEqual(['open', 'open']);

    const after = own(partition, { resolveAfterMs: 5 * MINUTE });
    const resolving = await partition.committed(({ cursor }) => streamTime(cursor) > streamTime(last));
    await after.stop();
    expect(
      partition.writings
        .heads()
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['open', 'resolved']);
    expect(resolving.writes.effects.map(({ action }) => action)).toContain('resolve');
  });

  it('takes fewer entries into a commit when they are large', async () => {
    const partition = new MemoryPartition();
    const now = Date.now();
    const text = 'x'.repeat(900_000);
    for (let each = 0; each < 5; each += 1) partition.append(alert(`s${each}`, now, undefined, text), now);
    for (let each = 0; each < 20; each += 1) partition.append(alert(`t${each}`, now), now);
    const last = partition.log.at(-1)?.id;
    const owner = own(partition);
    await partition.committed(({ cursor }) => cursor === last);
    await owner.stop();
    expect(partition.commits.slice(0, 2).map(({ seq }) => seq)).toEqual([2, 4]);
    expect(partition.commits.at(-1)?.seq).toBe(25);
    expect(partition.commits.length).toBeLessThan(10);
  });

  it('pages when an alert that was taken for ended goes on, and is worse', async () => {
    const partition = new MemoryPartition();
    const at = Date.now() - 40 * MINUTE;
    partition.append(alert('a', at, undefined, '', 'warning'), at);
    partition.append(alert('a', at, at + MINUTE, '', 'warning'), at + MINUTE);
    partition.append({ kind: 'tick' }, at + 10 * MINUTE);
    const last = partition.append(alert('a', at), at + 20 * MINUTE);
    const owner = own(partition);
    await partition.committed(({ cursor }) => cursor === last);
    await owner.stop();
    const [head] = partition.writings.heads();
    expect(head).toMatchObject({ status: 'open', reopened: 1, severity: 'P1' });
    expect(partition.writings.effects.filter(({ severity }) => severity === 'P1')).not.toHaveLength(0);
  });

  it('keeps an incident open while any alert fires that was taken for ended, and the rule that explains it', async () => {
    const partition = new MemoryPartition();
    const at = Date.now() - 60 * MINUTE;
    const names = ['PostgresConnectionPoolExhausted', 'APILatencyHigh', 'ErrorRateSpike'];
    const cascade = (status: 'firing' | 'resolved', which: readonly string[]): Input => ({
      kind: 'alerts',
      source: 'am',
      alerts: which.map((name) => ({
        ...{ fingerprint: `am:${name}`, name, labels: { alertname: name, service: 'a' }, annotations: {} },
        ...{ severity: 'warning', status, startsAt: at, ...(status === 'resolved' ? { endsAt: at + 2 * MINUTE } : {}) },
      })),
    });
    partition.append(cascade('firing', names), at + MINUTE);
    partition.append(cascade('resolved', names), at + 2 * MINUTE);
    partition.append(cascade('firing', names), at + 20 * MINUTE);
    partition.append(cascade('resolved', names.slice(1)), at + 21 * MINUTE);
    partition.append({ kind: 'tick' }, at + 40 * MINUTE);
    const last = partition.append({ kind: 'tick' }, at + 50 * MINUTE);
    const owner = own(partition);
    await partition.committed(({ cursor }) => cursor === last);
    await owner.stop();
    const [head] = partition.writings.heads();
    expect(head).toMatchObject({
      status: 'open',
      rule: 'database_cascade',
      reopened: 1,
      memberCount: 3,
      firingCount: 1,
    });
  });
});
