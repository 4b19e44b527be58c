/** `scripts/setup.mjs`: what the two commands of the README begin with. Nothing is installed here: the decisions are tested. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

interface Setup {
  isAtLeast(version: string, minimum: string): boolean;
  checkNode(root: string, current: string): void;
  packagesDiffer(root: string): string | undefined;
  buildIsOlder(root: string): boolean;
  parseServerVersion(output: string): string | undefined;
  findServer(
    root: string,
    searchPath: string,
  ): { server?: { program: string; version: string }; tooOld: { version: string }[] };
}

async function load(): Promise<Setup> {
  const parts: object[] = [];
  // One after the other: jest's module loader does not take the same module from two imports at a time.
  for (const name of ['node-version', 'packages', 'build', 'server']) {
    parts.push((await import(`../../scripts/setup/${name}.mjs`)) as object);
  }
  return Object.assign({}, ...parts) as Setup;
}

let root = '';
let setup: Setup;

beforeEach(async () => {
  root = mkdtempSync(path.join(os.tmpdir(), 'tocsin-setup-'));
  setup = await load();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string, mode = 0o644): string {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  chmodSync(target, mode);
  return target;
}

function program(file: string, output: string): void {
  write(file, `#!/bin/sh\necho '${output}'\n`, 0o755);
}

describe('the version of Node', () => {
  it.each([
    ['20.19.0', '20.19', true],
    ['20.18.3', '20.19', false],
    ['22.1.0', '20.19', true],
    ['9.99.0', '20.19', false],
    ['7.0.15', '6.2', true],
    ['6.2', '6.2', true],
    ['6.10.1', '6.2', true],
  ])('%s against %s: %s', (version, minimum, enough) => {
    expect(setup.isAtLeast(version, minimum)).toBe(enough);
  });

  it('is refused with both versions in the message', () => {
    write('package.json', '{"engines": {"node": ">=20.19"}}');
    expect(() => setup.checkNode(root, '18.20.4')).toThrow(/needs Node 20\.19 or newer, this is Node 18\.20\.4/);
    expect(() => setup.checkNode(root, '24.0.0')).not.toThrow();
  });
});

describe('the npm packages', () => {
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true },
  };
  beforeEach(() => void write('package-lock.json', JSON.stringify({ packages: wanted })));
  const installed = (packages: object): string =>
    write('node_modules/.package-lock.json', JSON.stringify({ packages }));

  it('are installed when there are none', () => {
    expect(setup.packagesDiffer(root)).toBe('node_modules is missing');
  });

  it('are left alone when they are those of the lock file, optional ones of other systems aside', () => {
    installed({ 'node_modules/a': { version: '1.0.0' } });
    expect(setup.packagesDiffer(root)).toBeUndefined();
  });

  it('are installed again when one has another version or is missing', () => {
    installed({ 'node_modules/a': { version: '1.0.1' } });
    expect(setup.packagesDiffer(root)).toBe('a is 1.0.1, the lock file has 1.0.0');
    installed({});
    expect(setup.packagesDiffer(root)).toBe('a is missing, the lock file has 1.0.0');
  });
});

describe('the build', () => {
  const at = (file: string, seconds: number): void => utimesSync(path.join(root, file), seconds, seconds);
  beforeEach(() => {
    for (const file of [
      'src/a/b.ts',
      'tsconfig.json',
      'tsconfig.build.json',
      'package.json',
      'scripts/copy-assets.mjs',
    ]) {
      write(file, '');
      at(file, 1000);
    }
    at('src/a', 1000);
    at('src', 1000);
  });

  it('is needed when there is none, and not when it is newer than every source', () => {
    expect(setup.buildIsOlder(root)).toBe(true);
    write('dist/main.js', '');
    write('dist/.built', '');
    expect(setup.buildIsOlder(root)).toBe(false);
  });

  it.each(['src/a/b.ts', 'src/a', 'tsconfig.build.json'])('is needed when %s changed since', (changed) => {
    write('dist/main.js', '');
    write('dist/.built', '');
    at('dist/.built', 2000);
    expect(setup.buildIsOlder(root)).toBe(false);
    at(changed, 3000);
    expect(setup.buildIsOlder(root)).toBe(true);
  });
});

describe('the server program', () => {
  const redis = (version: string): string => `Redis server v=${version} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64`;

  it('tells its version', () => {
    expect(setup.parseServerVersion(redis('7.0.15'))).toBe('7.0.15');
    expect(setup.parseServerVersion('Valkey server v=8.1.3 sha=00000000:0')).toBe('8.1.3');
    expect(setup.parseServerVersion('redis-check-rdb 7.0.15')).toBeUndefined();
  });

  it('is taken from the PATH, Valkey first, the unpacked one last', () => {
    program('.tocsin/server/bin/redis-server', redis('7.0.15'));
    expect(setup.findServer(root, '/nonexistent').server?.program).toBe(
      path.join(root, '.tocsin/server/bin/redis-server'),
    );
    program('bin/redis-server', redis('7.2.4'));
    expect(setup.findServer(root, path.join(root, 'bin')).server?.version).toBe('7.2.4');
    program('bin/valkey-server', 'Valkey server v=8.1.3');
    expect(setup.findServer(root, path.join(root, 'bin')).server?.version).toBe('8.1.3');
  });

  it('is passed over and named when it is too old', () => {
    program('bin/redis-server', redis('6.0.16'));
    const found = setup.findServer(root, path.join(root, 'bin'));
    expect(found.server).toBeUndefined();
    expect(found.tooOld.map((each) => each.version)).toEqual(['6.0.16']);
  });

  it('is looked for further when the first one of its name is too old', () => {
    program('old/redis-server', redis('6.0.16'));
    program('.tocsin/server/bin/redis-server', redis('7.0.15'));
    expect(setup.findServer(root, path.join(root, 'old')).server?.version).toBe('7.0.15');
  });

  it('is nothing that cannot run', () => {
    write('bin/redis-server', redis('7.0.15'));
    expect(setup.findServer(root, path.join(root, 'bin'))).toEqual({ server: undefined, tooOld: [] });
  });
});

describe('the command', () => {
  it('needs no package: nothing but node and its own files is imported', () => {
    const files = [
      'setup.mjs',
      ...['build', 'install-server', 'node-version', 'packages', 'run', 'server', 'unpack-server'].map(
        (name) => `setup/${name}.mjs`,
      ),
    ];
    for (const file of files) {
      const text = readFileSync(path.join('scripts', file), 'utf8');
      for (const [, name = ''] of text.matchAll(/from '([^']+)'/g)) expect(name).toMatch(/^(node:|\.\.?\/)/);
    }
  });

  it('says in one sentence what to install by hand where it cannot install a server', () => {
    // A project folder of its own and a PATH with nothing but node: no apt-get, no brew, no server.
    for (const file of ['package.json', 'package-lock.json']) write(file, readFileSync(file, 'utf8'));
    const scripts = spawnSync('cp', ['-r', 'scripts', root]);
    expect(scripts.status).toBe(0);
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: object };
    write('node_modules/.package-lock.json', JSON.stringify({ packages: lock.packages }));
    const { status, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs', '--no-build'], {
      cwd: root,
      env: { PATH: path.join(root, 'empty') },
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('sudo apt-get install redis-server');
    expect(stderr).not.toContain('at '.concat('file:'));
  });
});
