/** `.ci/run` counts what happened, ends with the line that says so, and never exits with 0 after a failure. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

let root = '';
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'tocsin-ci-'));
  mkdirSync(path.join(root, '.ci'));
  mkdirSync(path.join(root, 'bin'));
  copyFileSync('.ci/run', path.join(root, '.ci', 'run'));
  program('dpkg-query', 'printf installed');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(name: string, body: string): void {
  const file = path.join(root, 'bin', name);
  writeFileSync(file, `#!/bin/bash\n${body}\n`);
  chmodSync(file, 0o755);
}

/** A stand-in for npm: `npm test` writes the given numbers of jest, everything else ends with the given code. */
function npm(
  result: { passed: number; failed: number; broken: number; exit: number } | undefined,
  stages: string,
): void {
  const numbers =
    result === undefined
      ? ''
      : `echo '{"numPassedTests":${result.passed},"numFailedTests":${result.failed},"numRuntimeErrorTestSuites":${result.broken}}' > "\${4#--outputFile=}"; exit ${result.exit}`;
  program('npm', `if [ "$1" = test ]; then\n${numbers}\nexit 1\nfi\n${stages}`);
}

function run(): { status: number | null; last: string | undefined; output: string } {
  const { status, stdout } = spawnSync('bash', ['.ci/run'], {
    cwd: root,
    env: { ...process.env, PATH: `${path.join(root, 'bin')}:${process.env['PATH']}` },
    encoding: 'utf8',
  });
  return { status, last: stdout.trimEnd().split('\n').at(-1), output: stdout };
}

describe('.ci/run', () => {
  it('adds the six stages to the tests', () => {
    npm({ passed: 120, failed: 0, broken: 0, exit: 0 }, 'exit 0');
    expect(run()).toMatchObject({ status: 0, last: '126 passed, 0 failed' });
  });

  it('counts failed tests and test files that do not load', () => {
    npm({ passed: 118, failed: 2, broken: 1, exit: 1 }, 'exit 0');
    expect(run()).toMatchObject({ status: 1, last: '124 passed, 3 failed' });
  });

  it('counts a failed stage, and goes on with the others', () => {
    npm({ passed: 120, failed: 0, broken: 0, exit: 0 }, 'case "$*" in *everysec*) exit 1;; esac; exit 0');
    const { status, last, output } = run();
    expect({ status, last }).toEqual({ status: 1, last: '125 passed, 1 failed' });
    expect(output).toContain('must lose: FAILED (exit code 1)');
  });

  it('counts jest failing without a failed test, and jest that wrote nothing', () => {
    npm({ passed: 120, failed: 0, broken: 0, exit: 1 }, 'exit 0');
    expect(run()).toMatchObject({ status: 1, last: '126 passed, 1 failed' });
    npm(undefined, 'exit 0');
    expect(run()).toMatchObject({ status: 1, last: '6 passed, 1 failed' });
  });
});
