/** Entries that could not be decided: listing them, and sending one through the log again. */
import { streamTime } from '../domain/input.js';
import type { DeadLetter, DeadLetters } from '../ports/store.js';
import type { Connection } from './connect.js';
import type { PartitionKeys } from './keys.js';
import type { Scripts } from './scripts.js';

/** Ids of the outside: `p<partition>-<stream id>`. */
const ID = /^p(\d+)-(\d+-\d+)$/;

function parseLetter(partition: number, id: string, fields: readonly string[], redrivenAs: string | null): DeadLetter {
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] as string, fields[i + 1] as string);
  return {
    id: `p${partition}-${id}`,
    partition,
    entry: values.get('entry') ?? '',
    at: streamTime(id),
    error: values.get('error') ?? '',
    attempts: Number(values.get('attempts') ?? 0),
    body: values.get('b') ?? '',
    ...(redrivenAs === null ? {} : { redrivenAs }),
  };
}

/** The body with a mark of where it came from. What is not a JSON object is sent again as it is. */
function markRedriven(body: string, entry: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return body;
    return JSON.stringify({ ...value, redriveOf: entry });
  } catch {
    return body;
  }
}

export function createDeadLetters(
  connection: Connection,
  scripts: Scripts,
  partitions: readonly PartitionKeys[],
): DeadLetters {
  async function listOf(keys: PartitionKeys, limit: number): Promise<DeadLetter[]> {
    const entries = await connection.run('read the dead letters', (redis) =>
      redis.xrevrange(keys.dlq, '+', '-', 'COUNT', limit),
    );
    if (entries.length === 0) return [];
    const marks = await connection.run('read the dead letters', (redis) =>
      redis.hmget(keys.redriven, ...entries.map(([id]) => id)),
    );
    return entries.map(([id, fields], index) => parseLetter(keys.partition, id, fields, marks[index] ?? null));
  }

  return {
    /** Newest first. */
    async list(limit) {
      const lists = await Promise.all(partitions.map((keys) => listOf(keys, limit)));
      return lists
        .flat()
        .sort((a, b) => b.at - a.at)
        .slice(0, limit);
    },

    async redrive(id) {
      const parsed = ID.exec(id);
      const keys = parsed === null ? undefined : partitions[Number(parsed[1])];
      const streamId = parsed?.[2];
      if (keys === undefined || streamId === undefined) return null;
      const [found] = await connection.run('read a dead letter', (redis) => redis.xrange(keys.dlq, streamId, streamId));
      if (found === undefined) return null;
      const letter = parseLetter(keys.partition, found[0], found[1], null);
      const reply = (await connection.run('send a dead letter again', (redis) =>
        scripts.run(
          redis,
          'redrive',
          [keys.dlq, keys.redriven, keys.in, keys.seq],
          [streamId, markRedriven(letter.body, letter.entry)],
        ),
      )) as readonly [string, number] | null;
      return reply === null ? null : { entry: reply[0], already: reply[1] === 1 };
    },
  };
}
