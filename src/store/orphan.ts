/**
 * A server child outlives a daemon that was killed with SIGKILL. The next start stops it before it starts its own: two
 * servers on one append-only file would destroy it.
 */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';

export interface ServerRecord {
  readonly pid: number;
  readonly socket: string;
}

/** Sends one inline command; resolves to what arrived until the reply, a close, or the deadline. */
export function askServer(socket: string, command: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    let reply: string | undefined;
    const end = (): void => {
      clearTimeout(timer);
      connection.destroy();
      resolve(reply);
    };
    const timer = setTimeout(end, timeoutMs);
    connection.on('error', end);
    connection.on('close', end);
    connection.on('connect', () => connection.write(`${command}\r\n`));
    connection.on('data', (data) => {
      reply = data.toString();
      end();
    });
  });
}

/** The command line of a process, or undefined when there is none of this id. */
async function commandLine(pid: number): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch {
    const { status, stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return status === 0 ? stdout : undefined;
  }
}

/** Whether the process is the server that was started on this socket, and not another that got its id. */
async function isOurs(record: ServerRecord): Promise<boolean> {
  const line = await commandLine(record.pid);
  // Redis shows its socket in its title, Valkey and a server that is still starting in the arguments.
  return line !== undefined && line.includes(record.socket);
}

async function gone(record: ServerRecord, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (await isOurs(record)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/**
 * Stops a server that an earlier daemon left behind; resolves to whether there was one. It gets `graceMs` to end by
 * itself (its file is complete either way). Rejects when it cannot be stopped.
 */
export async function stopOrphan(record: ServerRecord, graceMs: number): Promise<boolean> {
  const answered = (await askServer(record.socket, 'PING', 500)) !== undefined;
  if (!answered && !(await isOurs(record))) return false;
  // By its socket first: the process id may be one of another container on the same volume.
  if (answered) await askServer(record.socket, 'SHUTDOWN NOSAVE', graceMs);
  if (await gone(record, answered ? graceMs : 0)) return true;
  process.kill(record.pid, 'SIGKILL');
  if (await gone(record, graceMs)) return true;
  throw new Error(`the server process ${record.pid} on ${record.socket} cannot be stopped`);
}
