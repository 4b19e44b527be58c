/**
 * An engine replica of the control: the daemon's own engine role from the build under test, with the split commit in the
 * place of the atomic one. Arguments: folder of the build, configuration file.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { splitCommit } from './naive-store.js';

type EngineRoleModule = typeof import('../../src/daemon/engine-role.js');
type PrepareModule = typeof import('../../src/daemon/prepare.js');
type CurrentEntryModule = typeof import('../../src/daemon/current-entry.js');
type ArmingModule = typeof import('../../src/daemon/failpoint-arming.js');

/** As likely as a focused failpoint of the real one. */
const DIES_BETWEEN_STEPS = 0.01;

const [build = '', configPath = ''] = process.argv.slice(2);

async function load<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(build, 'dist', 'daemon', `${name}.js`)).href)) as T;
}

const { startEngineRole } = await load<EngineRoleModule>('engine-role');
const { prepare, mustPrepare } = await load<PrepareModule>('prepare');
const { CurrentEntry } = await load<CurrentEntryModule>('current-entry');
const { armFromSpec } = await load<ArmingModule>('failpoint-arming');

const failpoints = process.env['TOCSIN_FAILPOINTS'];
armFromSpec(failpoints);
const { prepared } = mustPrepare(prepare({ configPath, cwd: process.cwd(), env: process.env }));
const redisUrl = prepared.config.redis.url?.reveal() ?? '';

function perhapsDie(): void {
  if (failpoints === undefined || Math.random() >= DIES_BETWEEN_STEPS) return;
  writeSync(2, 'TOCSIN_FAILPOINT naive.between-steps\n');
  process.kill(process.pid, 'SIGKILL');
}

await startEngineRole({
  config: prepared.config,
  rules: prepared.rules,
  redisUrl,
  queueUrl: redisUrl,
  replica: `naive-${process.pid}`,
  current: new CurrentEntry(),
  wrapPartitionStore: (store) =>
    splitCommit(store, { redisUrl, prefix: prepared.config.redis.prefix, between: perhapsDie }),
});
