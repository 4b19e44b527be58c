/** Two files that import each other are refused, also when the imports are of types only. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

describe('the check for cycles', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'tocsin-cycles-'));
    writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
    writeFileSync(path.join(folder, 'tsconfig.json'), '{"compilerOptions": {"module": "NodeNext"}}');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function cruise(files: Record<string, string>): { status: number | null; output: string } {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
    const program = path.resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const config = path.resolve('.dependency-cruiser.cjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--config', config, '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  }

  it('refuses a cycle of type imports', () => {
    const { status, output } = cruise({
      'a.ts': "import type { B } from './b.js';\nexport interface A {\n  b: B;\n}\n",
      'b.ts': "import type { A } from './a.js';\nexport interface B {\n  a: A;\n}\n",
    });
    expect(output).toContain('no-cycles');
    expect(status).not.toBe(0);
  });

  it('accepts a line', () => {
    const { status, output } = cruise({
      'a.ts': "import type { B } from './b.js';\nexport interface A {\n  b: B;\n}\n",
      'b.ts': 'export interface B {\n  b: 1;\n}\n',
    });
    expect(output).toContain('no dependency violations found');
    expect(status).toBe(0);
  });
});
