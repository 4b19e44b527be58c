/**
 * The Lua scripts: one documented file a transition in lua/, loaded once and called by hash.
 *
 * EVALSHA first; a server that does not know the hash (restarted, SCRIPT FLUSH, failover) answers NOSCRIPT without having
 * run anything, and then the text is sent. All keys of one script live in one slot and are passed as KEYS.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

/** Script -> what is put before it, besides the prelude. */
const SCRIPTS = {
  acquire: [],
  append: [],
  'append-own': [],
  claim: ['outbox'],
  commit: ['outbox'],
  'count-attempt': [],
  now: [],
  redrive: [],
  release: ['outbox'],
  'release-lease': [],
  renew: [],
  settle: ['outbox'],
  'take-due': ['outbox'],
  trim: [],
} as const satisfies Record<string, readonly string[]>;

export type ScriptName = keyof typeof SCRIPTS;

type Arg = string | number;

export interface Scripts {
  /** Runs the script. Rejects with what Redis answered, or with ioredis's error when it did not answer. */
  run(redis: Redis, name: ScriptName, keys: readonly string[], args: readonly Arg[]): Promise<unknown>;
}

interface LoadedScript {
  readonly text: string;
  readonly sha: string;
}

function readLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

/**
 * Loads all scripts. `clockKey` is for tests only: the scripts then take the time (ms) from that key instead of from
 * Redis, and log entries get ids `<that time>-*`; the test must never set it back. It is not passed as one of KEYS, so
 * it does not work on a Redis Cluster.
 */
export function loadScripts(clockKey?: string): Scripts {
  const clock = `local CLOCK_KEY = ${clockKey === undefined ? 'nil' : JSON.stringify(clockKey)}\n`;
  const prelude = clock + readLua('prelude');
  const loaded = new Map<ScriptName, LoadedScript>();
  for (const [name, parts] of Object.entries(SCRIPTS) as [ScriptName, readonly string[]][]) {
    const text = [prelude, ...parts.map(readLua), readLua(name)].join('\n');
    loaded.set(name, { text, sha: createHash('sha1').update(text).digest('hex') });
  }
  return {
    async run(redis, name, keys, args) {
      const script = loaded.get(name) as LoadedScript;
      // One array, not spread: a large commit has more arguments than a call can take.
      const rest: Arg[] = [keys.length, ...keys];
      for (const arg of args) rest.push(arg);
      try {
        return await redis.call('EVALSHA', [script.sha, ...rest]);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return redis.call('EVAL', [script.text, ...rest]);
      }
    },
  };
}
