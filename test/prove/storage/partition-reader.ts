/**
 * Reads what one partition holds, straight from Redis by the key table of docs/architecture.md: the API cannot be the
 * witness for its own store.
 */
import type { Redis } from 'ioredis';

import type { SeenCommit, SeenPartition } from '../oracle/observation.js';

const READ_AT_ONCE = 500;
const RING_LIMIT = 10_000;

type Row = readonly [id: string, fields: readonly string[]];

function fieldsOf(fields: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let at = 0; at + 1 < fields.length; at += 2) record[fields[at] as string] = fields[at + 1] as string;
  return record;
}

async function* readStream(redis: Redis, key: string, from: string): AsyncGenerator<Row> {
  for (let after = from; ;) {
    const rows = (await redis.xrange(key, after === '-' ? '-' : `(${after}`, '+', 'COUNT', READ_AT_ONCE)) as Row[];
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < READ_AT_ONCE) return;
    after = last[0];
  }
}

interface LoggedEntry {
  readonly kind: string;
  readonly alerts?: readonly { labels: Record<string, string>; status: string; startsAt?: number }[];
  readonly event?: { readonly id: string };
}

/** An event's id is `<source>:<id as sent>`. */
export function withoutSource(id: string): string {
  return id.slice(id.indexOf(':') + 1);
}

/** Remembers how far it read the log, so that a later call reads only what was added. */
export class PartitionReader {
  readonly #base: string;
  readonly #partition: number;
  readonly #statements = new Map<string, number>();
  readonly #events = new Map<string, number>();
  #read = '-';
  readonly #numbers = new Map<string, number>();

  constructor(prefix: string, partition: number) {
    this.#partition = partition;
    this.#base = `${prefix}:{p${partition}}:`;
  }

  async read(redis: Redis): Promise<SeenPartition> {
    const key = (name: string): string => `${this.#base}${name}`;
    await this.#readLog(redis, key('in'));
    const [cursor, appended, fence, outbox] = await Promise.all([
      redis.get(key('cursor')),
      redis.get(key('seq')),
      redis.get(key('fence')),
      redis.hlen(key('eff')),
    ]);
    const [cursorId = '0-0', cursorNumber = '0'] = (cursor ?? '').split(' ').filter((word) => word !== '');
    const commits = await this.#readCommits(redis, key('commits'));
    return {
      partition: this.#partition,
      cursor: { id: cursorId, number: Number(cursorNumber) },
      lastEntry: this.#read === '-' ? '0-0' : this.#read,
      numbers: this.#numbers,
      appended: Number(appended ?? 0),
      fence: Number(fence ?? 0),
      commits,
      ringTrimmed: commits.length >= RING_LIMIT,
      statements: this.#statements,
      events: this.#events,
      outbox,
      deadLetters: await this.#readDeadLetters(redis, key('dlq')),
    };
  }

  async #readLog(redis: Redis, key: string): Promise<void> {
    for await (const [id, fields] of readStream(redis, key, this.#read)) {
      this.#read = id;
      const { q, b } = fieldsOf(fields);
      this.#numbers.set(id, Number(q));
      const entry = JSON.parse(b ?? '{}') as LoggedEntry;
      for (const alert of entry.alerts ?? []) {
        const said = `${alert.labels['proof_alert']}|${alert.status}|${alert.startsAt}`;
        this.#statements.set(said, (this.#statements.get(said) ?? 0) + 1);
      }
      if (entry.event !== undefined) {
        const id = withoutSource(entry.event.id);
        this.#events.set(id, (this.#events.get(id) ?? 0) + 1);
      }
    }
  }

  async #readCommits(redis: Redis, key: string): Promise<SeenCommit[]> {
    const commits: SeenCommit[] = [];
    for await (const [, fields] of readStream(redis, key, '-')) {
      const { fence, from, to, n } = fieldsOf(fields);
      commits.push({ fence: Number(fence), from: from ?? '?', to: to ?? '?', number: Number(n) });
    }
    return commits;
  }

  async #readDeadLetters(redis: Redis, key: string): Promise<string[]> {
    const letters: string[] = [];
    for await (const [id, fields] of readStream(redis, key, '-')) {
      const { error, attempts } = fieldsOf(fields);
      letters.push(`${id} after ${attempts} attempts: ${error}`);
    }
    return letters;
  }
}
