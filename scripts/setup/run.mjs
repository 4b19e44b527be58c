/** Running other programs during setup: quiet when they succeed, with their whole output when they fail. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';

/** An expected failure: the message says what is wrong and what to do. */
export class SetupError extends Error {}

/**
 * Runs the program and returns its output. Throws SetupError with the output when it fails; `failure` says what that means.
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: Record<string, string>, failure: string}} options
 */
export function run(program, args, { cwd, env, failure }) {
  const result = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status === 0) return result.stdout;
  const output = result.error === undefined ? `${result.stdout}${result.stderr}` : result.error.message;
  throw new SetupError(
    `${failure}\n  command: ${[program, ...args].join(' ')}\n${output.trim().replace(/^/gm, '  | ')}`,
  );
}

/** Standard output when the program exists and succeeds, else undefined. */
export function tryRun(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options });
  return result.status === 0 ? result.stdout : undefined;
}
