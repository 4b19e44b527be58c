/** Finds the program of a Redis or Valkey server for the embedded mode. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TocsinError } from '../errors.js';

const NAMES = ['valkey-server', 'redis-server'];

function runs(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * The given program, else valkey-server or redis-server on the PATH, else in `<cwd>/.tocsin/server/bin`.
 * Throws TOCSIN_REDIS_MISSING with what to install.
 */
export function findServerProgram(given: string | undefined, cwd: string): string {
  if (given !== undefined) {
    if (runs(given)) return given;
    throw new TocsinError(
      'TOCSIN_REDIS_MISSING',
      `redis.embedded.program is ${given}, which cannot be run with --version. Correct the path or leave it out`,
    );
  }
  const local = join(cwd, '.tocsin', 'server', 'bin');
  const found = [...NAMES, ...NAMES.map((name) => join(local, name))].find(runs);
  if (found !== undefined) return found;
  throw new TocsinError(
    'TOCSIN_REDIS_MISSING',
    `neither valkey-server nor redis-server is on the PATH or in ${local}. Install one (Debian or Ubuntu: ` +
      '`apt-get install redis-server`; macOS: `brew install valkey`), or set redis.embedded.program to it, ' +
      'or set redis.url to a Redis that runs elsewhere',
  );
}
