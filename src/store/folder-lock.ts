/**
 * One process at a time may use a data folder. Whoever wants it listens on a unix socket of its own there, and then looks
 * whether anybody else does: the kernel closes a socket however its process ends, so nothing that `kill -9` leaves behind
 * is taken for a holder, and no process id is trusted (in a container the daemon always has the same).
 *
 * Two cannot both hold it: each listens before it looks, so the later of the two sees the earlier.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { TocsinError } from '../errors.js';

/** How long a name the lock adds to the path of its folder. */
export const LOCK_NAME_LENGTH = 'lock.0123456789ab'.length;
/** Those that ask at the same moment all step back and try again after a random pause, this many times. */
const ROUNDS = 30;
const PAUSE_MS = { from: 5, to: 80 };
/** A holder that does not say more in this time (it may be stopped) is a holder all the same. */
const ANSWER_MS = 500;

export interface FolderLock {
  release(): Promise<void>;
}

interface Listener {
  readonly path: string;
  /** What it tells those who ask: still asking itself, or holding. */
  state: 'asking' | 'held';
  close(): Promise<void>;
}

function listen(path: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`${listener.state} ${process.pid}`);
    });
    const listener: Listener = {
      path,
      state: 'asking',
      async close() {
        await new Promise((done) => server.close(done));
        await rm(path, { force: true });
      },
    };
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve(listener);
    });
  });
}

/** What the listener says; undefined when nobody listens. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    let connected = false;
    let text = '';
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(connected ? text : undefined);
    };
    const timer = setTimeout(end, ANSWER_MS);
    socket.on('connect', () => (connected = true));
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', end);
    socket.on('error', end);
  });
}

/** What the first other listener says; the sockets of dead ones are removed: their names never come back. */
async function findOther(runDir: string, own: string): Promise<string | undefined> {
  for (const name of await readdir(runDir)) {
    const path = join(runDir, name);
    if (!name.startsWith('lock.') || path === own) continue;
    const answer = await ask(path);
    if (answer !== undefined) return answer;
    await rm(path, { force: true });
  }
  return undefined;
}

/** Takes the lock of `dir`, whose sockets are in `runDir`. Throws TOCSIN_REDIS_UNSAFE when another process holds it. */
export async function lockFolder(dir: string, runDir: string): Promise<FolderLock> {
  for (let round = 1; ; round += 1) {
    const listener = await listen(join(runDir, `lock.${randomBytes(6).toString('hex')}`));
    let other: string | undefined;
    try {
      other = await findOther(runDir, listener.path);
      if (other === undefined) {
        listener.state = 'held';
        return { release: () => listener.close() };
      }
    } finally {
      if (listener.state === 'asking') await listener.close();
    }
    if (!other.startsWith('asking') || round === ROUNDS) throw inUse(dir, other);
    await new Promise((resolve) => setTimeout(resolve, randomInt(PAUSE_MS.from, PAUSE_MS.to)));
  }
}

function inUse(dir: string, answer: string): TocsinError {
  const pid = answer.split(' ')[1];
  return new TocsinError(
    'TOCSIN_REDIS_UNSAFE',
    `another Tocsin (${pid === undefined ? 'it does not say which process' : `process ${pid}`}) already uses the data ` +
      `folder ${dir} of this embedded Redis. Stop it, or set redis.embedded.dir to another folder, ` +
      'or run one Redis for both and set redis.url',
  );
}
