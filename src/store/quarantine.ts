/** Refused bodies, the latest thousand, for people to look at. */
import type { Quarantine, QuarantineItem } from '../ports/store.js';
import { streamTime } from '../domain/input.js';
import type { Connection } from './connect.js';

const KEPT_ITEMS = 1_000;
const BODY_BYTES = 64 * 1024;

/** At most 64 KiB of what the body stands for, cut between characters (utf8) or groups of three bytes (base64). */
function cut(body: string, encoding: QuarantineItem['encoding']): string {
  if (encoding === 'base64') return body.slice(0, Math.floor(BODY_BYTES / 3) * 4);
  if (body.length * 3 <= BODY_BYTES) return body;
  const bytes = Buffer.from(body, 'utf8');
  if (bytes.length <= BODY_BYTES) return body;
  let end = BODY_BYTES;
  // 10xxxxxx continues a character: step back to where it begins.
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

export function createQuarantine(connection: Connection, key: string): Quarantine {
  return {
    async put(item) {
      const fields = { ...item, bytes: String(item.bytes), body: cut(item.body, item.encoding) };
      await connection.run('keep a refused body', (redis) =>
        redis.xadd(key, 'MAXLEN', '=', KEPT_ITEMS, '*', ...Object.entries(fields).flat()),
      );
    },

    /** Newest first. */
    async list(limit) {
      const entries = await connection.run('read the quarantine', (redis) =>
        redis.xrevrange(key, '+', '-', 'COUNT', limit),
      );
      return entries.map(([id, fields]) => {
        const values = new Map<string, string>();
        for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] as string, fields[i + 1] as string);
        const text = (name: string): string => values.get(name) ?? '';
        return {
          id,
          receivedAt: streamTime(id),
          source: text('source'),
          remote: text('remote'),
          code: text('code'),
          problem: text('problem'),
          bytes: Number(text('bytes')),
          body: text('body'),
          encoding: text('encoding') === 'base64' ? 'base64' : 'utf8',
        };
      });
    },
  };
}
