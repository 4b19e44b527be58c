/**
 * `npm run prove`: runs the real daemon under kills, and asks an independent oracle what was lost or doubled.
 * Exit code 0: nothing (for a control: something, as it must). Everything else is a failure, with the reason printed.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { proveAofCuts } from './aof-cuts.js';
import { parseOptions, USAGE, type ProofOptions } from './options.js';
import { proveUnderKills } from './under-kills.js';

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: ProofOptions;
  try {
    options = parseOptions(argv, randomInt(2 ** 31));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const dir = mkdtempSync(join(tmpdir(), 'tocsin-prove-'));
  process.stdout.write(`seed ${options.seed}, logs and data in ${dir}\n`);
  let passed = false;
  try {
    passed = await (options.aofCuts === undefined ? proveUnderKills(options, dir) : proveAofCuts(options, dir));
  } finally {
    if (passed && !options.keep) rmSync(dir, { recursive: true, force: true });
    else process.stdout.write(`kept: ${dir}\n`);
  }
  return passed ? 0 : 1;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`the proof could not be run: ${inspect(error)}\n`);
  process.exit(3);
}
