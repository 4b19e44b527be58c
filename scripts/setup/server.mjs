/** Finds a Redis or Valkey server program that Tocsin can start as its own child. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { isAtLeast } from './node-version.mjs';
import { tryRun } from './run.mjs';

/** Older ones lack what the queue and the store use. */
export const MINIMUM_SERVER = '6.2';

/** Where a server that setup unpacked without root lives; the daemon looks there too. */
export const LOCAL_BIN = path.join('.tocsin', 'server', 'bin');

const PROGRAMS = ['valkey-server', 'redis-server'];

/** `7.0.15` from `Redis server v=7.0.15 sha=…` or `Valkey server v=8.0.1 …`; undefined for anything else. */
export function parseServerVersion(output) {
  return /server v=(\d+(?:\.\d+)+)/.exec(output)?.[1];
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The first usable server on the PATH, then in .tocsin/server/bin; beside it those that are too old.
 * @param {string} root
 * @param {string} searchPath the PATH
 * @returns {{server: {program: string, version: string} | undefined, tooOld: {program: string, version: string}[]}}
 */
export function findServer(root, searchPath) {
  const folders = [...searchPath.split(path.delimiter).filter((folder) => folder !== ''), path.join(root, LOCAL_BIN)];
  const tooOld = [];
  for (const name of PROGRAMS) {
    for (const folder of folders) {
      const program = path.join(folder, name);
      if (!isExecutable(program)) continue;
      const version = parseServerVersion(tryRun(program, ['--version']) ?? '');
      if (version === undefined) continue;
      if (isAtLeast(version, MINIMUM_SERVER)) return { server: { program, version }, tooOld };
      tooOld.push({ program, version });
    }
  }
  return { server: undefined, tooOld };
}
