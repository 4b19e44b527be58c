/**
 * Ports for listeners that must come back on the same one after a kill. They are taken below the range from which the
 * system takes ports of outgoing connections, or one of those could sit on the port while its owner is dead.
 */
import { createServer } from 'node:net';
import { once } from 'node:events';

import type { Random } from '../random.js';

const LOWEST = 20_000;
const HIGHEST = 32_000;
const MOST_TRIES = 200;

export async function findPorts(count: number, random: Random): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries += 1) {
    if (tries > MOST_TRIES) throw new Error(`no ${count} free ports on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
    const port = random.integer(LOWEST, HIGHEST);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
