/** A disk that fills up, made without one: the server runs under a limit of the size of its files. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareDaemon, webhook, type TestDaemon } from '../kit/daemon.js';

const SERVER = process.env['TOCSIN_TEST_REDIS'] ?? 'redis-server';
let daemon: TestDaemon | undefined;

afterEach(async () => {
  await daemon?.remove();
});

/** `limit` in blocks of 512 bytes, as `ulimit -f` of a POSIX shell counts; undefined: none. */
function writeServer(path: string, limit: number | undefined): void {
  const before = limit === undefined ? '' : `ulimit -f ${limit}\n`;
  writeFileSync(path, `#!/bin/sh\n${before}exec ${SERVER} "$@"\n`, { mode: 0o755 });
}

describe('a full disk', () => {
  it('is answered with 503, and everything that got its 202 is there when there is room again', async () => {
    daemon = await prepareDaemon({ config: { engine: { lease_ttl: '1s' } } });
    const program = join(daemon.dir, 'server.sh');
    writeServer(program, 400);
    const embedded = `embedded:\n    program: ${program}`;
    writeFileSync(daemon.configPath, readFileSync(daemon.configPath, 'utf8').replace('embedded:', embedded));
    await daemon.start();
    const accepted: string[] = [];
    let refused: Response | undefined;
    for (let number = 0; number < 2_000 && refused === undefined; number += 1) {
      const name = `Alert${number}`;
      const answer = await daemon.post(
        '/webhooks/alertmanager',
        webhook([{ name, labels: { service: `s${number % 7}` } }]),
      );
      if (answer.status === 202) accepted.push(name);
      else refused = answer;
    }
    expect(accepted.length).toBeGreaterThan(10);
    expect(refused?.status).toBe(503);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await daemon.get('/healthz')).status).toBe(200);

    writeServer(program, undefined);
    const running = daemon;
    await running.until('ready', async () => (await running.get('/readyz')).status === 200, 40_000);
    await running.until('caught up', async () => {
      const incidents = await running.incidents();
      return incidents.reduce((sum, { memberCount }) => sum + memberCount, 0) >= accepted.length;
    });
    const members = new Set<string>();
    for (const { id } of await running.incidents()) {
      for (const { name } of (await running.incident(id)).members) members.add(name);
    }
    expect(accepted.filter((name) => !members.has(name))).toEqual([]);
  }, 90_000);
});
