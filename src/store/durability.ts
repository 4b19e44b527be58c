/**
 * The start-up check of Redis: 202 promises that an alert is on disk, so the settings that keep that promise must hold.
 * Also refuses a log whose last entry is from the future, since the ids of entries are the engine's clock.
 */
import { StoreError, TocsinError } from '../errors.js';
import type { Connection } from './connect.js';
import type { PartitionKeys } from './keys.js';

/** Setting -> the value that keeps what was accepted. */
const REQUIRED = {
  appendonly: 'yes',
  appendfsync: 'always',
  'maxmemory-policy': 'noeviction',
  'no-appendfsync-on-rewrite': 'no',
} as const;

const WHY: Readonly<Record<keyof typeof REQUIRED, string>> = {
  appendonly: 'without the append-only file everything is lost when Redis ends',
  appendfsync: 'anything else loses up to a second of accepted alerts at a power cut',
  'maxmemory-policy': 'anything else deletes data when memory is short',
  'no-appendfsync-on-rewrite': 'yes switches the fsync off while the file is rewritten',
};

const OLDEST_VERSION = [6, 2] as const;
const FUTURE_MS = 60_000;

/** `key:value` lines of INFO. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return values;
}

/**
 * What is wrong with the durability of this Redis, one sentence each with its remedy; empty when all is well.
 * Rejects with StoreError when Redis cannot be asked.
 */
export async function durabilityProblems(connection: Connection): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const [name, wanted] of Object.entries(REQUIRED) as [keyof typeof REQUIRED, string][]) {
    let value: string | undefined;
    try {
      // One by one: CONFIG GET of several names needs Redis 7.
      const reply = (await connection.run(`read the setting ${name}`, (redis) =>
        redis.config('GET', name),
      )) as readonly string[];
      value = reply[1];
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return [
        `the settings cannot be verified, since this Redis does not allow CONFIG GET (${String((error as Error).cause)})`,
      ];
    }
    if (value === undefined) problems.push(`${name} cannot be verified: this server does not know it`);
    else if (value !== wanted) {
      problems.push(
        `${name} is ${JSON.stringify(value)}, must be ${JSON.stringify(wanted)} (${WHY[name]}): ` +
          `CONFIG SET ${name} ${wanted}, and "${name} ${wanted}" in redis.conf`,
      );
    }
  }
  const persistence = parseInfo(await connection.run('read INFO persistence', (redis) => redis.info('persistence')));
  const status = persistence.get('aof_last_write_status');
  if (status !== undefined && status !== 'ok') {
    problems.push(
      `aof_last_write_status is ${status}: Redis cannot write its append-only file, look at its disk and log`,
    );
  }
  return problems;
}

/** Redis answered, and said no: NOPERM by ACL, or a renamed or forbidden command. */
function isRefusal(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : undefined;
  return (
    cause instanceof Error && /NOPERM|unknown command|unknown subcommand|not allowed|disabled/i.test(cause.message)
  );
}

/**
 * Refuses a Redis that loses what it accepted. Resolves to the accepted problems under `accept-loss`.
 * Throws TOCSIN_REDIS_UNSAFE.
 */
export async function checkDurability(
  connection: Connection,
  target: string,
  durability: 'strict' | 'accept-loss',
): Promise<readonly string[]> {
  const problems = await durabilityProblems(connection);
  if (problems.length === 0 || durability === 'accept-loss') return problems;
  throw new TocsinError(
    'TOCSIN_REDIS_UNSAFE',
    `Redis at ${target} is not set up to keep what it accepts:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\n` +
      'Correct it, or accept that alerts may be lost with `redis.durability: accept-loss`',
  );
}

/** Refuses servers that are too old or read-only. Throws TOCSIN_REDIS_UNSAFE or StoreError. */
export async function checkServer(connection: Connection, target: string): Promise<void> {
  const info = parseInfo(await connection.run('read INFO', (redis) => redis.info()));
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
    throw new TocsinError(
      'TOCSIN_REDIS_UNSAFE',
      `Redis at ${target} is version ${version}; 6.2 or newer, or Valkey, is needed`,
    );
  }
  if (info.get('role') === 'slave') {
    throw new StoreError(
      `Redis at ${target} is a read-only replica of ${info.get('master_host')}:${info.get('master_port')}: point redis.url at the master`,
    );
  }
}

/** Refuses a log that is ahead of Redis's clock. `now` in ms. Throws TOCSIN_REDIS_UNSAFE. */
export async function checkClock(
  connection: Connection,
  partitions: readonly PartitionKeys[],
  now: number,
): Promise<void> {
  for (const keys of partitions) {
    const exists = await connection.run('look for the input log', (redis) => redis.exists(keys.in));
    if (exists === 0) continue;
    const info = (await connection.run('read the input log', (redis) =>
      redis.xinfo('STREAM', keys.in),
    )) as readonly unknown[];
    const last = String(info[info.indexOf('last-generated-id') + 1]);
    const ahead = Number(last.split('-')[0]) - now;
    if (ahead <= FUTURE_MS) continue;
    throw new TocsinError(
      'TOCSIN_REDIS_UNSAFE',
      `the last entry of ${keys.in} (${last}) is ${Math.round(ahead / 1000)} s ahead of the clock of Redis (${now}): ` +
        'the clock of its machine went back, or was ahead before. New entries would all get that time. ' +
        'Correct the clock, or wait until it has passed that time',
    );
  }
}
