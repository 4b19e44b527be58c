import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../src/errors.js';
import { createRelay } from '../../src/queue/relay.js';
import type { ActionResult } from '../../src/ports/sink.js';
import { startRedis, type TestRedis } from '../kit/redis.js';
import { effect } from '../store/samples.js';
import { OK, openRig, type Rig } from './rig.js';

let server: TestRedis;
let rig: Rig;

beforeEach(async () => {
  server = await startRedis({ appendfsync: 'always' });
  rig = await openRig(server);
});
afterEach(async () => {
  await rig.close();
  await server.stop();
});

describe('Redis is gone', () => {
  it('workers and relay go on when it is back', async () => {
    await rig.work();
    await rig.plan([effect('n1')]);
    await rig.drive('n1');
    await server.kill('SIGKILL');
    await rig.next('connection-error');
    await expect(rig.relay.enqueue(0, [{ id: 'n9', sink: 'slack', handout: 1 }])).rejects.toBeInstanceOf(StoreError);
    await server.restart();
    await rig.bench.raw.ping();
    await rig.bench.store.health.check();
    await rig.plan([effect('n2', { incident: 'i2' })]);
    let settled = false;
    const end = rig.next('settled', (event) => event.effect.id === 'n2').then(() => (settled = true));
    while (!settled) {
      await rig.sweep().catch(() => undefined);
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    expect(rig.sink.deliveries.map(({ notification }) => notification.effect)).toEqual(['n1', 'n2']);
  });

  it('a result that is ready while it is away is kept when it is back: nothing is sent twice', async () => {
    await rig.work();
    let finish: (result: ActionResult) => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      rig.sink.answer = () => {
        resolve();
        return new Promise((end) => (finish = end));
      };
    });
    await rig.plan([effect('n1')]);
    await rig.sweep();
    await begun;
    await server.kill('SIGKILL');
    finish(OK);
    await rig.next('connection-error');
    await server.restart();
    expect(await rig.next('settled')).toMatchObject({ outcome: 'sent', kept: true });
    expect(await rig.results()).toHaveLength(1);
    expect(rig.sink.deliveries).toHaveLength(1);
  });

  it('close ends in time', async () => {
    const workers = await rig.work();
    const begun = new Promise<void>((resolve) => {
      rig.sink.answer = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    await rig.plan([effect('n1')]);
    await rig.sweep();
    await begun;
    await server.kill('SIGKILL');
    await rig.next('connection-error');
    const before = performance.now();
    await workers.close(300);
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  it('a relay that never saw it fails soon, and closes', async () => {
    await server.kill('SIGKILL');
    const relay = createRelay({ connection: { path: server.socketPath }, prefix: 'other', sinks: ['slack'] });
    await expect(relay.enqueue(0, [{ id: 'n1', sink: 'slack', handout: 1 }])).rejects.toBeInstanceOf(StoreError);
    await relay.close();
  });
});
