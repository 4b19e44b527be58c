/**
 * One process at a time may use a data folder. The holder listens on a unix socket that is named in a lock file: the
 * kernel closes the socket however the holder ends, so a lock left by `kill -9` is told from a held one without trusting
 * process ids, which are used again (in a container the daemon always has the same).
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { TocsinError } from '../errors.js';

const LOCK_FILE = 'tocsin.lock';
/** Each round removes one stale lock; more than one is needed only when several processes start at once. */
const ROUNDS = 20;

interface LockContent {
  readonly pid: number;
  readonly socket: string;
}

export interface FolderLock {
  release(): Promise<void>;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.unref();
      resolve(server);
    });
  });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function readLock(path: string): Promise<LockContent | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as LockContent;
  } catch {
    // Gone meanwhile, or not a lock of ours (a full disk can leave it empty): nobody holds it.
    return undefined;
  }
}

/**
 * Takes the lock of `dir`; the socket is made in `runDir`. Throws TOCSIN_REDIS_UNSAFE when another process holds it.
 */
export async function lockFolder(dir: string, runDir: string): Promise<FolderLock> {
  const mark = randomBytes(6).toString('hex');
  const lockPath = join(dir, LOCK_FILE);
  const socket = join(runDir, `lock.${mark}`);
  const server = await listen(socket);
  const close = async (): Promise<void> => {
    await new Promise((resolve) => server.close(resolve));
    await rm(socket, { force: true });
  };

  const draft = join(dir, `${LOCK_FILE}.${mark}`);
  try {
    await writeFile(draft, JSON.stringify({ pid: process.pid, socket } satisfies LockContent));
    for (let round = 0; round < ROUNDS; round += 1) {
      // link() fails when the name exists, and the file appears with its content.
      if (await succeeds(link(draft, lockPath), 'EEXIST')) {
        return {
          async release() {
            if ((await readLock(lockPath))?.socket === socket) await rm(lockPath, { force: true });
            await close();
          },
        };
      }
      await removeStale(lockPath, `${lockPath}.stale.${mark}`);
    }
    throw new TocsinError(
      'TOCSIN_REDIS_UNSAFE',
      `the lock ${lockPath} cannot be taken: other processes keep taking it`,
    );
  } catch (error) {
    await close();
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes the lock when its holder is gone. Throws TOCSIN_REDIS_UNSAFE when it is held. */
async function removeStale(lockPath: string, aside: string): Promise<void> {
  const seen = await readLock(lockPath);
  if (seen !== undefined && (await isListening(seen.socket))) throw inUse(lockPath, seen);
  // Only one of several that saw the same stale lock can move it; it may however have moved a new one.
  if (!(await succeeds(rename(lockPath, aside), 'ENOENT'))) return;
  const moved = await readLock(aside);
  if (moved !== undefined && (await isListening(moved.socket))) {
    await succeeds(link(aside, lockPath), 'EEXIST');
    await rm(aside, { force: true });
    throw inUse(lockPath, moved);
  }
  if (moved !== undefined) await rm(moved.socket, { force: true });
  await rm(aside, { force: true });
}

function inUse(lockPath: string, holder: LockContent): TocsinError {
  return new TocsinError(
    'TOCSIN_REDIS_UNSAFE',
    `another Tocsin (process ${holder.pid}) already uses the data folder of this embedded Redis (${lockPath}). ` +
      'Stop it, or set redis.embedded.dir to another folder, or run one Redis for both and set redis.url',
  );
}

/** False when the promise rejects with this error code; other errors are thrown. */
async function succeeds(act: Promise<void>, failure: string): Promise<boolean> {
  try {
    await act;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === failure) return false;
    throw error;
  }
}
