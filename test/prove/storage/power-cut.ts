/** Compiles the shim, reads its record, and takes from files what was never synced. See powercut.c for the model. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./powercut.c', import.meta.url));
const SLOT_BYTES = 24;

export interface PowerCut {
  /** Environment that preloads the shim. */
  readonly env: NodeJS.ProcessEnv;
  /** Cuts all files below the folder to their synced length; returns how many bytes were lost and in how many files. */
  strike(dir: string): { readonly files: number; readonly bytes: number };
}

/** Compiles the shim into `dir`. Throws with what to do when there is no C compiler. */
export function preparePowerCut(dir: string, compiler = 'cc'): PowerCut {
  const library = join(dir, 'powercut.so');
  const record = join(dir, 'powercut.record');
  const compiled = spawnSync(compiler, ['-O1', '-fPIC', '-shared', '-Wall', '-Werror', '-o', library, SOURCE, '-ldl'], {
    encoding: 'utf8',
  });
  if (compiled.error !== undefined) {
    throw new Error(
      `power cuts need a C compiler named ${compiler} on the PATH (Debian and Ubuntu: apt-get install gcc libc6-dev)`,
    );
  }
  if (compiled.status !== 0) throw new Error(`${compiler} cannot compile ${SOURCE}:\n${compiled.stderr}`);
  return {
    env: { LD_PRELOAD: library, TOCSIN_POWERCUT_RECORD: record },
    strike(target) {
      const synced = readRecord(record);
      let files = 0;
      let bytes = 0;
      for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const { dev, ino, size } = statSync(path, { bigint: true });
        const kept = synced.get(`${dev}:${ino}`) ?? 0n;
        if (kept >= size) continue;
        truncateSync(path, Number(kept));
        files += 1;
        bytes += Number(size - kept);
      }
      return { files, bytes };
    },
  };
}

/** `<device>:<inode>` -> bytes known to be on disk. */
function readRecord(path: string): Map<string, bigint> {
  const raw = readFileSync(path);
  const synced = new Map<string, bigint>();
  for (let at = 0; at + SLOT_BYTES <= raw.length; at += SLOT_BYTES) {
    const inode = raw.readBigUInt64LE(at + 8);
    if (inode !== 0n) synced.set(`${raw.readBigUInt64LE(at)}:${inode}`, raw.readBigUInt64LE(at + 16));
  }
  if (synced.size === 0) throw new Error(`the record ${path} is empty: the shim was not loaded into the server`);
  return synced;
}
