/** The linter's own rules bite: each snippet breaks one rule at the place of a real file and must be refused by that rule. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';

interface Snippet {
  readonly says: string;
  /** A folder or file below src/. */
  readonly at: string;
  readonly code: string;
  /** The rules that must report; empty: the snippet is clean. */
  readonly rules: readonly string[];
}

/** Typed as text: the table is plain JavaScript without declarations. */
const TABLE: string = '../../scripts/lint/layers.mjs';

const direction = ['tocsin/layers'];
const syntax = ['no-restricted-syntax'];
const globals = ['no-restricted-globals'];
const properties = ['no-restricted-properties'];

const SNIPPETS: readonly Snippet[] = [
  // purity
  { says: 'Date.now', at: 'domain', code: 'export const born = Date.now();', rules: properties },
  { says: 'Date.now taken apart', at: 'engine', code: 'export const { now } = Date;', rules: properties },
  { says: 'new Date()', at: 'engine', code: 'export const born = new Date();', rules: syntax },
  {
    says: 'a date in the local time zone',
    at: 'domain',
    code: 'export const born = new Date(2026, 10, 22);',
    rules: syntax,
  },
  { says: 'the local hour', at: 'notify', code: 'export const hour = new Date(0).getHours();', rules: syntax },
  { says: 'the local language', at: 'engine', code: "export const order = 'a'.localeCompare('b');", rules: syntax },
  { says: 'Math.random', at: 'rules', code: 'export const dice = Math.random();', rules: properties },
  { says: 'a timer', at: 'engine', code: 'export const timer = setTimeout(() => undefined, 1);', rules: globals },
  { says: 'process', at: 'notify', code: 'export const pid = process.pid;', rules: globals },
  { says: 'the console', at: 'engine', code: "console.log('x');", rules: [...globals, 'no-console'] },
  { says: 'fetch', at: 'notify', code: "export const reply = fetch('http://x');", rules: globals },
  { says: 'a promise', at: 'engine', code: 'export const later = Promise.resolve(1);', rules: globals },
  {
    says: 'an async function',
    at: 'notify',
    code: 'export async function plan(): Promise<void> {}',
    rules: syntax,
  },
  {
    says: 'a file',
    at: 'rules',
    code: "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;",
    rules: direction,
  },
  {
    says: 'a file without the prefix',
    at: 'rules',
    code: "import { readFileSync } from 'fs';\nexport const read = readFileSync;",
    rules: direction,
  },
  { says: 'a logger', at: 'engine', code: "import { pino } from 'pino';\nexport const log = pino;", rules: direction },
  {
    says: 'a dynamic import',
    at: 'engine',
    code: "export const late = () => import('../domain/ids.js');",
    rules: syntax,
  },
  {
    says: 'nothing, in clean pure code',
    at: 'engine',
    code: "import { utcDay } from '../domain/ids.js';\nexport function day(now: number): string {\n  return `${utcDay(now)} ${new Date(now).toISOString()}`;\n}\n",
    rules: [],
  },
  // direction
  { says: 'engine -> store', at: 'engine', code: "import '../store/log.js';", rules: direction },
  {
    says: 'domain -> ports',
    at: 'domain',
    code: "import type { Clock } from '../ports/clock.js';\nexport type C = Clock;",
    rules: direction,
  },
  { says: 'domain -> rules', at: 'domain', code: "export * from '../rules/index.js';", rules: direction },
  { says: 'rules -> engine', at: 'rules', code: "import '../engine/step.js';", rules: direction },
  { says: 'notify -> engine', at: 'notify', code: "import '../engine/step.js';", rules: direction },
  { says: 'ports -> store', at: 'ports', code: "export type S = import('../store/log.js').S;", rules: direction },
  { says: 'store -> queue', at: 'store', code: "import '../queue/relay.js';", rules: direction },
  { says: 'http -> store', at: 'http', code: "export const late = () => import('../store/log.js');", rules: direction },
  { says: 'http -> telemetry at run time', at: 'http', code: "import '../telemetry/logger.js';", rules: direction },
  { says: 'config -> engine at run time', at: 'config', code: "import '../engine/index.js';", rules: direction },
  { says: 'integrations -> daemon', at: 'integrations', code: "import '../../daemon/daemon.js';", rules: direction },
  { says: 'daemon -> cli', at: 'daemon', code: "import '../cli/serve.js';", rules: direction },
  { says: 'cli -> main', at: 'cli', code: "import '../main.js';", rules: direction },
  // packages
  {
    says: 'bullmq outside of queue',
    at: 'store',
    code: "import { Queue } from 'bullmq';\nexport const q = Queue;",
    rules: direction,
  },
  {
    says: 'ioredis outside of store and queue',
    at: 'daemon',
    code: "import { Redis } from 'ioredis';\nexport const r = Redis;",
    rules: direction,
  },
  {
    says: 'an SDK outside of client.ts',
    at: 'integrations/sinks.ts',
    code: "import { WebClient } from '@slack/web-api';\nexport const w = WebClient;",
    rules: direction,
  },
  {
    says: 'a package without a place',
    at: 'daemon',
    code: "import leftPad from 'left-pad';\nexport const l: unknown = leftPad;",
    rules: direction,
  },
  {
    says: 'ioredis in store, as it should be',
    at: 'store',
    code: "import { Redis } from 'ioredis';\nexport const r = Redis;\n",
    rules: [],
  },
  // the environment
  { says: 'process.env', at: 'daemon', code: 'export const home = process.env.HOME;', rules: properties },
  {
    says: 'process.env in main.ts, as it should be',
    at: 'main.ts',
    code: 'export const home = process.env.HOME;\n',
    rules: [],
  },
  // promises
  {
    says: 'a promise nobody waits for',
    at: 'daemon',
    code: 'async function act(): Promise<void> {}\nexport function run(): void {\n  act();\n}',
    rules: ['@typescript-eslint/no-floating-promises'],
  },
  {
    says: 'an async function where nobody waits',
    at: 'daemon',
    code: 'export function run(list: number[]): void {\n  list.forEach(async () => {});\n}',
    rules: ['@typescript-eslint/no-misused-promises'],
  },
  // failpoints
  {
    says: 'an effect without a failpoint',
    at: 'daemon',
    code: "import type { Lease, PartitionStore } from '../ports/store.js';\nexport const renew = (store: PartitionStore, lease: Lease) => store.renew(lease, 1);",
    rules: ['tocsin/failpoints'],
  },
  {
    says: 'an effect at the wrong failpoint',
    at: 'daemon',
    code: "import { effectful } from '../failpoints.js';\nimport type { Lease, PartitionStore } from '../ports/store.js';\nexport const renew = (store: PartitionStore, lease: Lease) => effectful('log.trim', () => store.renew(lease, 1));",
    rules: ['tocsin/failpoints'],
  },
  {
    says: 'an effect between its failpoints, as it should be',
    at: 'daemon',
    code: "import { effectful } from '../failpoints.js';\nimport type { Lease, PartitionStore } from '../ports/store.js';\nexport const renew = (store: PartitionStore, lease: Lease) => effectful('lease.renew', () => store.renew(lease, 1));\n",
    rules: [],
  },
  {
    says: 'an effect through a function that takes the name of its failpoint',
    at: 'daemon',
    code: "import { effectful, type FailpointName } from '../failpoints.js';\nimport type { Lease, PartitionStore } from '../ports/store.js';\nconst act = <T>(name: FailpointName, fn: () => Promise<T>): Promise<T> => effectful(name, fn);\nexport const renew = (store: PartitionStore, lease: Lease) => act('lease.renew', () => store.renew(lease, 1));\n",
    rules: [],
  },
  // habits
  { says: 'any', at: 'daemon', code: 'export const loose: any = 1;', rules: ['@typescript-eslint/no-explicit-any'] },
  { says: 'a default export', at: 'daemon', code: 'export default 1;', rules: syntax },
  { says: 'an enum', at: 'daemon', code: 'export enum Colour {\n  Red,\n}', rules: syntax },
  { says: 'a long file', at: 'daemon', code: '// line\n'.repeat(401), rules: ['max-lines'] },
  {
    says: 'a rule switched off in place',
    at: 'domain',
    code: '// eslint-disable-next-line no-restricted-properties\nexport const born = Date.now();',
    rules: ['inline-comment', ...properties],
  },
];

/** An existing file in whose place the snippet is linted. */
function placeOf(at: string): string {
  if (at.endsWith('.ts')) return path.join('src', at);
  const folder = path.join('src', at);
  const file = readdirSync(folder, { recursive: true })
    .map(String)
    // Relative imports of the snippets are written for a file directly in the folder; below integrations/ for one in a
    // subfolder.
    .filter((name) => name.endsWith('.ts') && name.includes(path.sep) === (at === 'integrations'))
    .sort()[0];
  if (file === undefined) throw new Error(`${folder} has no TypeScript file`);
  return path.join(folder, file);
}

describe('lint rules', () => {
  const answers: string[][] = [];

  beforeAll(() => {
    const input = JSON.stringify(SNIPPETS.map(({ at, code }) => ({ path: placeOf(at), code })));
    const options = { input, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 } as const;
    const output = execFileSync(process.execPath, ['test/house/lint-snippets.mjs'], options);
    for (const messages of JSON.parse(output) as [string, string][][]) answers.push(messages.map(([rule]) => rule));
  }, 120_000);

  it.each(SNIPPETS.map((snippet, index) => ({ ...snippet, index })))('$at: $says', ({ rules, index }) => {
    const found = answers[index] ?? [];
    // Snippets name modules that need not exist: what the type checker cannot resolve is not the point here.
    const relevant = [...new Set(found)].filter((rule) => !rule.startsWith('@typescript-eslint/no-unsafe')).sort();
    expect(relevant).toEqual([...rules].sort());
  });

  it('has a place for every dependency', async () => {
    const { PACKAGES } = (await import(TABLE)) as {
      PACKAGES: Record<string, RegExp>;
    };
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
    expect(Object.keys(PACKAGES).sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });

  it('has a row for every folder of src', async () => {
    const { LAYERS } = (await import(TABLE)) as { LAYERS: Record<string, unknown> };
    const present = readdirSync('src').map((name) => name.replace(/\.ts$/, ''));
    expect(Object.keys(LAYERS).sort()).toEqual(present.sort());
  });
});
