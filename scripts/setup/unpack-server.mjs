/**
 * Redis without root on Debian and Ubuntu: downloads the package with the libraries that are missing, unpacks them into
 * .tocsin/server, and puts a start script with the right library path into .tocsin/server/bin.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { run, tryRun } from './run.mjs';
import { LOCAL_BIN } from './server.mjs';

const ENGLISH = { LC_ALL: 'C' };

/**
 * Package lists of our own when the system's are empty (a fresh container): apt-get update needs no root in its own folders.
 */
function aptOptions(root, say, failure) {
  const policy = tryRun('apt-cache', ['policy', 'redis-tools'], { env: { ...process.env, ...ENGLISH } }) ?? '';
  if (/Candidate: (?!\(none\))/.test(policy)) return [];
  const lists = path.join(root, '.tocsin', 'apt', 'lists');
  const cache = path.join(root, '.tocsin', 'apt', 'cache');
  mkdirSync(path.join(lists, 'partial'), { recursive: true });
  mkdirSync(path.join(cache, 'archives', 'partial'), { recursive: true });
  const options = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`, '-o', 'Debug::NoLocking=1'];
  say('reading the package lists into .tocsin/apt');
  run('apt-get', [...options, 'update', '-q'], { failure });
  return options;
}

function isInstalled(name) {
  return tryRun('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]) === 'installed';
}

/** redis-tools with the libraries that it needs and this system lacks, and theirs: what is installed has its own already. */
function neededPackages(options, failure) {
  const missing = new Set(['redis-tools']);
  for (const name of missing) {
    const output = run('apt-cache', [...options, 'depends', name], { env: ENGLISH, failure });
    for (const [, library] of output.matchAll(/^ *\|?(?:Pre)?Depends: (lib[^\s:]+)/gm)) {
      if (!isInstalled(library)) missing.add(library);
    }
  }
  return [...missing];
}

/** Folders below `from` that hold shared libraries. */
function libraryFolders(from) {
  const found = new Set();
  for (const name of readdirSync(from, { recursive: true }).map(String)) {
    if (/\.so(\.|$)/.test(path.basename(name))) found.add(path.dirname(name));
  }
  return [...found];
}

/** Throws SetupError with `failure` and the output of the command that failed. */
export function unpackServer(root, say, failure) {
  const server = path.join(root, '.tocsin', 'server');
  rmSync(server, { recursive: true, force: true });
  mkdirSync(path.join(root, LOCAL_BIN), { recursive: true });
  const options = aptOptions(root, say, failure);
  const names = neededPackages(options, failure);
  const debs = mkdtempSync(path.join(root, '.tocsin', 'download-'));
  try {
    say(`apt-get download ${names.join(' ')}`);
    run('apt-get', [...options, 'download', '-q', ...names], { cwd: debs, failure });
    for (const deb of readdirSync(debs).filter((name) => name.endsWith('.deb'))) {
      run('dpkg', ['-x', path.join(debs, deb), server], { failure });
    }
  } finally {
    rmSync(debs, { recursive: true, force: true });
    rmSync(path.join(root, '.tocsin', 'apt'), { recursive: true, force: true });
  }
  // In Debian's packages redis-server is a link to redis-check-rdb of redis-tools: one program that looks at its own name.
  const program = ['redis-server', 'redis-check-rdb'].find((name) => existsSync(path.join(server, 'usr', 'bin', name)));
  const libraries = libraryFolders(server).map((folder) => `"$here/${folder}"`);
  const start = [
    '#!/bin/bash',
    '# Written by scripts/setup.mjs: starts the Redis server that is unpacked beside it.',
    'here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"',
    ...libraries.map((folder) => `LD_LIBRARY_PATH=${folder}\${LD_LIBRARY_PATH:+":$LD_LIBRARY_PATH"}`),
    'export LD_LIBRARY_PATH',
    `exec -a redis-server "$here/usr/bin/${program}" "$@"`,
    '',
  ].join('\n');
  const file = path.join(root, LOCAL_BIN, 'redis-server');
  writeFileSync(file, start);
  chmodSync(file, 0o755);
}
