/**
 * How setup installs a Redis on a machine without one, with stand-ins for apt, dpkg and sudo: what it asks them for, and
 * that what comes of it can be started. (The real thing runs in `.ci/run` on a clean machine.)
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

/** apt, dpkg and their paths are those of Linux; elsewhere these are shown as skipped. */
const onLinux = process.platform === 'linux' ? describe : describe.skip;

let root = '';
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'tocsin-install-'));
  mkdirSync(path.join(root, 'bin'));
  for (const name of ['env', 'bash', 'dirname']) standIn(name, `exec /usr/bin/${name} "$@"`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A program of the given name that notes how it was called. */
function standIn(name: string, body: string): void {
  const file = path.join(root, 'bin', name);
  const note = ['env', 'bash', 'dirname'].includes(name) ? '' : `echo "${name} $*" >> '${root}/calls'\n`;
  writeFileSync(file, `#!/bin/bash\n${note}${body}\n`);
  chmodSync(file, 0o755);
}

/** Runs one exported function of scripts/setup in its own process, with nothing but the stand-ins on the PATH. */
function run(file: string, call: string): { status: number | null; output: string; calls: string[] } {
  const script = `import * as m from ${JSON.stringify(path.resolve('scripts/setup', file))};
    const say = (text) => process.stdout.write(text + '\\n');
    try { const result = m.${call}; if (result) say(JSON.stringify(result)); }
    catch (error) { say(error.message); process.exitCode = 1; }`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: { PATH: path.join(root, 'bin') },
    encoding: 'utf8',
  });
  const calls = readFileSync(path.join(root, 'calls'), 'utf8').trim().split('\n');
  return { status, output: stdout + stderr, calls };
}

const VERSION = 'Redis server v=7.0.15 sha=00000000:0';
const installs = (program: string, version = VERSION): string =>
  `case "$*" in install*) printf '#!/bin/bash\\necho "${version}"\\n' > '${root}/bin/${program}'; /bin/chmod +x '${root}/bin/${program}';; esac`;

onLinux('with root or passwordless sudo', () => {
  beforeEach(() => {
    standIn('sudo', 'shift; exec "$@"');
    standIn('systemctl', 'exit 0');
    standIn('apt-cache', '[ "$2" = redis-server ] && echo "  Candidate: 5:7.0.15-1" || echo "  Candidate: (none)"');
  });
  const install = (): ReturnType<typeof run> =>
    run('install-server.mjs', `installServer(${JSON.stringify(root)}, say)`);

  it('installs the package, says so, and returns what it installed', () => {
    standIn('apt-get', installs('redis-server'));
    const { status, output, calls } = install();
    expect(calls).toContain('apt-get update -q');
    expect(calls).toContain('apt-get install -y -q --no-install-recommends redis-server');
    expect(output).toContain('apt-get update && apt-get install -y redis-server');
    expect(output).toContain('"version":"7.0.15"');
    expect(status).toBe(0);
  });

  it('takes Valkey where there is no Redis', () => {
    standIn('apt-cache', '[ "$2" = valkey-server ] && echo "  Candidate: 8.1" || echo "  Candidate: (none)"');
    standIn('apt-get', installs('valkey-server', 'Valkey server v=8.1.3'));
    const { status, calls } = install();
    expect(calls).toContain('apt-get install -y -q --no-install-recommends valkey-server');
    expect(status).toBe(0);
  });

  it('shows the output of apt when it fails, and what to do by hand', () => {
    standIn('apt-get', '[ "$1" = update ] && { echo "E: cannot reach the mirror" >&2; exit 100; }; exit 0');
    const { status, output } = install();
    expect(status).toBe(1);
    expect(output).toContain('E: cannot reach the mirror');
    expect(output).toContain('sudo apt-get install redis-server');
  });

  it('refuses a package that is too old, naming its version', () => {
    standIn('apt-get', installs('redis-server', 'Redis server v=6.0.16'));
    const { status, output } = install();
    expect(status).toBe(1);
    expect(output).toContain('has version 6.0.16');
  });
});

onLinux('without root', () => {
  beforeEach(() => {
    standIn(
      'apt-cache',
      'case "$*" in policy*) echo "  Candidate: 5:7.0.15-1";; *redis-tools) printf "  Depends: adduser\\n  Depends: libc6\\n  Depends: liblzf1\\n";; *liblzf1) printf "  Depends: libdeep2\\n  Depends: libc6\\n";; esac',
    );
    standIn('dpkg-query', '[ "${@: -1}" = libc6 ] && printf installed || exit 1');
    standIn('apt-get', 'shift 2; for name in "$@"; do : > "$name.deb"; done');
    standIn(
      'dpkg',
      `/bin/mkdir -p "$3/usr/bin" "$3/usr/lib/here"; : > "$3/usr/lib/here/liblzf.so.1"
      printf '#!/bin/bash\\necho "Redis server v=7.0.15 $LD_LIBRARY_PATH $*"\\n' > "$3/usr/bin/redis-check-rdb"; /bin/chmod +x "$3/usr/bin/redis-check-rdb"`,
    );
  });

  it('unpacks the package with the libraries that are missing, theirs included, and nothing that is there', () => {
    const { status, output, calls } = run('unpack-server.mjs', `unpackServer(${JSON.stringify(root)}, say, 'by hand')`);
    expect({ status, output }).toEqual({ status: 0, output: 'apt-get download redis-tools liblzf1 libdeep2\n' });
    expect(calls).toContain('apt-get download -q redis-tools liblzf1 libdeep2');
    expect(calls.some((call) => call.includes('sudo'))).toBe(false);
  });

  it('leaves a server that starts with its own libraries, from any folder', () => {
    run('unpack-server.mjs', `unpackServer(${JSON.stringify(root)}, say, 'by hand')`);
    const { stdout } = spawnSync(path.join(root, '.tocsin/server/bin/redis-server'), ['--port', '0'], {
      cwd: '/',
      encoding: 'utf8',
    });
    expect(stdout).toBe(`Redis server v=7.0.15 ${root}/.tocsin/server/usr/lib/here --port 0\n`);
  });
});
