/**
 * Looks for a commit of which only a part is there: cursor, ring, incidents, members, indexes, outbox and log must tell
 * one story at every instant, because one script writes them all.
 */
import type { Redis } from 'ioredis';

interface Head {
  readonly id: string;
  readonly number: string;
  readonly status: string;
  readonly memberCount: number;
  readonly notifications: readonly { readonly effect: string; readonly status: string }[];
}

export interface TornReport {
  readonly incidents: number;
  readonly checks: number;
  readonly problems: readonly string[];
}

export async function findTorn(redis: Redis, prefix: string, partitions: number): Promise<TornReport> {
  const report = { incidents: 0, checks: 0, problems: [] as string[] };
  for (let partition = 0; partition < partitions; partition += 1) {
    const base = `${prefix}:{p${partition}}:`;
    const key = (name: string): string => `${base}${name}`;
    const holds = (truth: boolean, problem: string): void => {
      report.checks += 1;
      if (!truth) report.problems.push(`partition ${partition}: ${problem}`);
    };
    const cursor = ((await redis.get(key('cursor'))) ?? '0-0 0').split(' ').slice(0, 2).join(' ');
    await checkPosition(redis, key, cursor, holds);
    const heads = Object.values(await redis.hgetall(key('inc'))).map((head) => JSON.parse(head) as Head);
    report.incidents += heads.length;
    await checkHeads(redis, key, heads, holds);
    await checkOutbox(redis, key, { heads, cursor: cursor.split(' ')[0] as string }, holds);
  }
  return report;
}

type Key = (name: string) => string;
type Holds = (truth: boolean, problem: string) => void;

async function checkPosition(redis: Redis, key: Key, cursor: string, holds: Holds): Promise<void> {
  let end = '0-0 0';
  for (const [, fields] of (await redis.xrange(key('commits'), '-', '+')) as [string, string[]][]) {
    const row = Object.fromEntries(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : [])));
    holds(row['from'] === end.split(' ')[0], `the commit from ${row['from']} follows one to ${end}`);
    end = `${row['to']} ${row['n']}`;
  }
  holds(end === cursor, `the cursor is ${cursor}, the last commit ended at ${end}`);
  const [last] = (await redis.xrevrange(key('in'), '+', '-', 'COUNT', 1)) as [string, string[]][];
  const number = last?.[1][last[1].indexOf('q') + 1] ?? '0';
  holds(((await redis.get(key('seq'))) ?? '0') === number, `the log ends with number ${number}, \`seq\` differs`);
  const [id = '0-0', at] = cursor.split(' ');
  if (id === '0-0') return;
  const [entry] = (await redis.xrange(key('in'), id, id)) as [string, string[]][];
  holds(entry?.[1][entry[1].indexOf('q') + 1] === at, `the cursor's entry ${cursor} is not in the log`);
}

async function checkHeads(redis: Redis, key: Key, heads: readonly Head[], holds: Holds): Promise<void> {
  const numbers = await redis.hgetall(key('num'));
  const live = new Set(await redis.smembers(key('live')));
  const index = new Set(await redis.zrange(key('incs'), '0', '-1'));
  const known = new Set(heads.map((head) => head.id));
  holds(index.size === heads.length, `${heads.length} incidents, ${index.size} in the index`);
  holds(
    Object.keys(numbers).length === heads.length,
    `${heads.length} incidents, ${Object.keys(numbers).length} numbers`,
  );
  for (const id of live) holds(known.has(id), `${id} is live and has no head`);
  const kept = await Promise.all(
    heads.map(async (head) => ({
      head,
      members: await redis.hlen(key(`mem:${head.id}`)),
      timeline: await redis.lrange(key(`tl:${head.id}`), 0, -1),
    })),
  );
  for (const { head, members, timeline } of kept) {
    holds(index.has(head.id), `${head.number} is not in the index`);
    holds(numbers[head.number] === head.id, `${head.number} leads to ${numbers[head.number]}`);
    holds(head.status !== 'open' || live.has(head.id), `${head.number} is open and not live`);
    const whole = head.status === 'merged' || members === head.memberCount;
    holds(whole, `${head.number}: ${head.memberCount} members, ${members} kept`);
    const opened = timeline.filter((line) => (JSON.parse(line) as { type: string }).type === 'opened').length;
    holds(opened === 1, `${head.number} was opened ${opened} times`);
  }
}

/** Every planned notification is in the outbox, or its result is in the log, or the incident knows the result. */
async function checkOutbox(
  redis: Redis,
  key: Key,
  { heads, cursor }: { heads: readonly Head[]; cursor: string },
  holds: Holds,
): Promise<void> {
  const effects = new Set(await redis.hkeys(key('eff')));
  const states = new Set(await redis.hkeys(key('effst')));
  const due = new Set(await redis.zrange(key('due'), '0', '-1'));
  const ahead = (await redis.xrange(key('in'), `(${cursor}`, '+')) as [string, string[]][];
  const results = new Set(
    ahead.flatMap(([, fields]) => {
      const entry = JSON.parse(fields[fields.indexOf('b') + 1] ?? '{}') as { kind: string; effect?: string };
      return entry.kind === 'result' && entry.effect !== undefined ? [entry.effect] : [];
    }),
  );
  const planned = new Map(
    heads.flatMap((head) => head.notifications.map((each) => [each.effect, each.status] as const)),
  );
  for (const [effect, status] of planned) {
    const here = Number(effects.has(effect)) + Number(results.has(effect)) + Number(status !== 'scheduled');
    holds(
      here === 1,
      `effect ${effect} (${status}) stands ${here} times among outbox, results to come and results known`,
    );
  }
  for (const id of new Set([...effects, ...states, ...due])) {
    holds(effects.has(id) && states.has(id) && due.has(id), `effect ${id} is only in a part of the outbox`);
    holds(planned.has(id), `effect ${id} is in the outbox, and no incident planned it`);
  }
}
