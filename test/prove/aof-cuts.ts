/**
 * A Redis that dies while it writes leaves an append-only file that ends anywhere. This takes the file of a quiet run, cuts
 * it at many bytes, boots a real Redis on each copy, and looks for commits of which only a part came back.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

import type { ProofOptions } from './options.js';
import { EXPECTED_MATRIX, PARTITIONS, PREFIX } from './processes/settings.js';
import { Random } from './random.js';
import { formatDetails } from './report.js';
import { readUnits, type AofUnit } from './storage/aof.js';
import { RedisServer } from './storage/redis-server.js';
import { findTorn } from './storage/torn.js';
import { System } from './system.js';
import { awaitVerdict } from './witness.js';
import { Ledger } from './workload/ledger.js';
import { Senders } from './workload/sender.js';

const STORIES = 60;
const LAST_COMMITS = 20;
const AT_ONCE = 3;
const SETTLE_WITHIN_MS = 60_000;

export async function proveAofCuts(options: ProofOptions, dir: string): Promise<boolean> {
  const random = new Random(options.seed);
  const data = await runQuietly(options, dir, random);
  if (data === undefined) return false;
  const [name] = readdirSync(join(data, 'appendonlydir'))
    .filter((file) => file.endsWith('.incr.aof'))
    .sort()
    .slice(-1);
  if (name === undefined) throw new Error(`there is no append-only file in ${data}`);
  const file = readFileSync(join(data, 'appendonlydir', name));
  const units = readUnits(file);
  const commits = units.filter((unit) => unit.keys.some((key) => key.endsWith(':commits')));
  const offsets = drawOffsets(file.length, commits, options.aofCuts ?? 0, random);
  process.stdout.write(
    `${file.length} bytes, ${units.length} units, ${commits.length} commits, ${offsets.length} cuts\n`,
  );
  const sum = { incidents: 0, checks: 0, inside: 0 };
  const problems: string[] = [];
  const left = [...offsets];
  const work = async (worker: number): Promise<void> => {
    for (let offset = left.pop(); offset !== undefined; offset = left.pop()) {
      const cut = offset;
      if (commits.some((commit) => cut > commit.from && cut < commit.to)) sum.inside += 1;
      const report = await bootCut(data, name, join(dir, `cut-${worker}`), cut);
      sum.incidents += report.incidents;
      sum.checks += report.checks;
      problems.push(...report.problems.map((problem) => `cut at byte ${cut}: ${problem}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => work(worker)));
  process.stdout.write(
    `${offsets.length} cuts (${sum.inside} inside a commit), ${sum.incidents} incidents and ${sum.checks} facts compared, ` +
      `${problems.length} torn\n`,
  );
  for (const problem of problems.slice(0, 20)) process.stdout.write(`  ${problem}\n`);
  const passed = problems.length === 0 && sum.inside > 0 && sum.incidents > 0;
  process.stdout.write(passed ? 'PASSED: no torn commit\n' : 'FAILED\n');
  return passed;
}

/** A run without kills; returns the data folder of its Redis, or undefined when even that run went wrong. */
async function runQuietly(options: ProofOptions, dir: string, random: Random): Promise<string | undefined> {
  const system = await System.start({
    dir,
    dist: options.dist,
    random: random.fork(),
    appendfsync: 'always',
    powerCuts: false,
    naiveCommit: false,
    armed: false,
  });
  try {
    const ledger = new Ledger();
    const senders = new Senders({
      random: random.fork(),
      ledger,
      intakes: system.intakes,
      storiesPerSecond: 0,
      mostAtOnce: STORIES,
    });
    await senders.tell(STORIES);
    const testimony = {
      truths: ledger.truths(),
      statements: ledger.statements(),
      events: ledger.events(),
      refusals: ledger.refusals,
      matrix: EXPECTED_MATRIX,
    };
    const { violations } = await awaitVerdict(system, testimony, SETTLE_WITHIN_MS);
    if (violations.length === 0) return system.redis.dataDir;
    process.stdout.write(`FAILED: the run without kills is already wrong\n${formatDetails(violations)}\n`);
    return undefined;
  } finally {
    await system.stop();
  }
}

/** Where commands of the last commits meet, then every byte of the last ones, then anywhere: `count` offsets in all. */
export function drawOffsets(length: number, commits: readonly AofUnit[], count: number, random: Random): number[] {
  const offsets = new Set<number>();
  const add = (offset: number, most: number): void => {
    if (offsets.size < most && offset > 0 && offset <= length) offsets.add(offset);
  };
  const last = commits.slice(-LAST_COMMITS).reverse();
  for (const unit of last) {
    for (const command of [...unit.commands, unit.to]) for (const near of [-1, 0, 1]) add(command + near, count / 3);
  }
  for (const unit of last) for (let offset = unit.from; offset < unit.to; offset += 1) add(offset, (2 * count) / 3);
  for (let tries = 0; offsets.size < count && tries < count * 10; tries += 1) add(random.integer(1, length), count);
  return [...offsets];
}

async function bootCut(data: string, name: string, dir: string, offset: number): ReturnType<typeof findTorn> {
  mkdirSync(dir, { recursive: true });
  cpSync(data, join(dir, 'data'), { recursive: true });
  truncateSync(join(dir, 'data', 'appendonlydir', name), offset);
  const server = new RedisServer({ dir, appendfsync: 'no' });
  server.start();
  try {
    const redis = await server.connect();
    const report = await findTorn(redis, PREFIX, PARTITIONS);
    redis.disconnect();
    return report;
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
