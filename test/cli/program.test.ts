/** The built program as a shell starts it: `npx tocsin` and an installed package run the file itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'dist/main.js');

describe('the program', () => {
  it('is executable by itself and through npx', () => {
    expect(execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+\n$/);
    const npx = spawnSync('npx', ['tocsin', '--version'], { cwd: ROOT, encoding: 'utf8' });
    expect(npx.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('ends with 2 for a call it does not understand, and with 1 when no daemon answers', () => {
    expect(spawnSync(PROGRAM, ['bogus']).status).toBe(2);
    const list = spawnSync(PROGRAM, ['incidents', 'list', '--url', 'http://127.0.0.1:9'], { encoding: 'utf8' });
    expect(list.status).toBe(1);
    expect(list.stderr).toMatch(/no daemon answers at http:\/\/127\.0\.0\.1:9/);
  });
});
