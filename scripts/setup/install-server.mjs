/**
 * Installs a Redis or Valkey server on a machine that has none, and says what it does. With root or passwordless sudo:
 * the package of the distribution. Without, on Debian and Ubuntu: the same package unpacked into .tocsin/server, which
 * changes nothing outside of this folder. macOS: Homebrew.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { unpackServer } from './unpack-server.mjs';
import { run, SetupError, tryRun } from './run.mjs';
import { findServer, MINIMUM_SERVER } from './server.mjs';

const BY_HAND = `Tocsin stores alerts in Redis (${MINIMUM_SERVER} or newer) or Valkey, and starts the server itself. Install one of them so that
redis-server or valkey-server is on the PATH, then run this command again:
  Debian, Ubuntu   sudo apt-get install redis-server
  Fedora           sudo dnf install valkey
  Alpine           sudo apk add valkey
  Arch             sudo pacman -S valkey
  macOS            brew install valkey
Or use a server that runs elsewhere: set redis.url in config/tocsin.yaml and start with \`npx tocsin serve\`.`;

/** Returns the installed server. Throws SetupError when it cannot be had. */
export function installServer(root, say) {
  say(`no valkey-server or redis-server (${MINIMUM_SERVER} or newer) on the PATH`);
  if (process.platform === 'darwin') withBrew(say);
  else if (process.platform === 'linux' && tryRun('apt-get', ['--version']) !== undefined) withApt(root, say);
  else throw new SetupError(BY_HAND);
  const { server, tooOld } = findServer(root, process.env.PATH ?? '');
  if (server !== undefined) return server;
  const old = tooOld.map((each) => `${each.program} has version ${each.version}`).join(', ');
  throw new SetupError(`the server that this system offers cannot be used${old === '' ? '' : `: ${old}`}.\n${BY_HAND}`);
}

function withBrew(say) {
  if (tryRun('brew', ['--version']) === undefined) throw new SetupError(BY_HAND);
  const formula = tryRun('brew', ['info', 'valkey']) === undefined ? 'redis' : 'valkey';
  say(`installing it: brew install ${formula}`);
  run('brew', ['install', formula], { failure: BY_HAND });
}

function withApt(root, say) {
  const isRoot = process.getuid?.() === 0;
  const sudo = isRoot ? [] : ['sudo', '-n'];
  if (!isRoot && tryRun('sudo', ['-n', 'true']) === undefined) {
    say('not root and no passwordless sudo: unpacking the Debian package into .tocsin/server, nothing else changes');
    unpackServer(root, say, BY_HAND);
    return;
  }
  const apt = (...args) => {
    const [program, ...rest] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    run(program, rest, { failure: `apt-get ${args[0]} failed.\n${BY_HAND}` });
  };
  say(`installing it: ${isRoot ? '' : 'sudo '}apt-get update && apt-get install -y redis-server`);
  apt('update', '-q');
  const name = hasCandidate('redis-server') ? 'redis-server' : 'valkey-server';
  if (!hasCandidate(name)) throw new SetupError(BY_HAND);
  if (name !== 'redis-server') say('this system has no redis-server package, taking valkey-server');
  apt('install', '-y', '-q', '--no-install-recommends', name);
  // The package starts a server of its own on port 6379. Nobody asked for that one, and Tocsin does not use it.
  if (existsSync('/run/systemd/system')) {
    const [program, ...rest] = [...sudo, 'systemctl', 'disable', '--now', `${name}.service`];
    if (tryRun(program, rest) !== undefined)
      say(`switched off ${name}.service, which the package had started: Tocsin starts its own server`);
  }
}

function hasCandidate(name) {
  const policy = tryRun('apt-cache', ['policy', name], { env: { ...process.env, LC_ALL: 'C' } }) ?? '';
  return /Candidate: (?!\(none\))/.test(policy);
}
