import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Incident } from '../../src/domain/incident.js';
import { startRedis } from '../kit/redis.js';
import type { TestRedis } from '../kit/redis.js';
import { alerts, benchOn, effect, incident, takeLease, writes } from './samples.js';
import type { Bench } from './samples.js';

let server: TestRedis;
let bench: Bench;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await benchOn(server, { store: { partitions: 2 } });
});
afterEach(() => bench.leave());

async function commitTo(partition: number, what = writes(), deadLetter?: string): Promise<string> {
  const store = bench.store.partition(partition);
  const lease = await store.acquire('a', 60_000);
  if (lease === null) throw new Error('no lease');
  const { cursor } = await store.load(lease);
  const [receipt] = await bench.store.appender.append([{ partition, input: alerts('x') }]);
  const id = receipt?.id ?? '';
  const [entry] = await store.read(cursor, 1, 0);
  const outcome = await store.commit({
    lease,
    expected: cursor,
    cursor: id,
    seq: entry?.seq ?? 0,
    writes: what,
    ...(deadLetter === undefined ? {} : { deadLetter: { id, body: deadLetter, error: 'it threw', attempts: 3 } }),
  });
  expect(outcome).toBe('committed');
  return id;
}

function withIncidents(partition: number, list: readonly Incident[]) {
  return commitTo(
    partition,
    writes({
      incidents: new Map(list.map((each) => [each.id, JSON.stringify(each)])),
      live: new Map(list.map((each) => [each.id, each.status === 'open'])),
      opened: list.map(({ id, number, openedAt }) => ({ id, number, openedAt })),
    }),
  );
}

describe('incidents', () => {
  it('are listed newest first over all partitions, and by status', async () => {
    await withIncidents(0, [incident('a', { openedAt: 10 }), incident('b', { openedAt: 30, status: 'resolved' })]);
    await withIncidents(1, [incident('c', { openedAt: 20 }), incident('d', { openedAt: 40, status: 'merged' })]);
    const list = async (status?: Incident['status'], limit = 10) =>
      (await bench.store.reader.list({ limit, ...(status === undefined ? {} : { status }) })).map(({ id }) => id);
    expect(await list()).toEqual(['d', 'b', 'c', 'a']);
    expect(await list(undefined, 2)).toEqual(['d', 'b']);
    expect(await list('open')).toEqual(['c', 'a']);
    expect(await list('open', 1)).toEqual(['c']);
    expect(await list('resolved')).toEqual(['b']);
    expect(await list('merged')).toEqual(['d']);
  });

  it('are found among many of another status', async () => {
    const many = Array.from({ length: 450 }, (_, i) => incident(`r${i}`, { openedAt: 1_000 + i, status: 'resolved' }));
    await withIncidents(0, [incident('old', { openedAt: 1, status: 'merged' }), ...many]);
    expect(await bench.store.reader.list({ status: 'merged', limit: 5 })).toHaveLength(1);
    expect(await bench.store.reader.list({ limit: 500 })).toHaveLength(451);
  });

  it('are shown with members, their details and the timeline, by id and by number', async () => {
    const head = incident('i1');
    const member = {
      episode: 'fp@5',
      fingerprint: 'fp',
      name: 'CPU',
      source: 'test',
      labels: { a: 'b' },
      startsAt: 5,
      endsAt: null,
      joinedAt: 6,
      as: 'attached',
      via: 'k',
    } as const;
    const line = { at: 1, knownAt: 2, type: 'opened', text: 'opened' } as const;
    await commitTo(1, {
      ...writes(),
      incidents: new Map([['i1', JSON.stringify(head)]]),
      opened: [{ id: 'i1', number: head.number, openedAt: 1 }],
      members: new Map([
        [
          'i1',
          new Map([
            ['fp@5', JSON.stringify(member)],
            ['fq@3', JSON.stringify({ ...member, fingerprint: 'fq', startsAt: 3 })],
          ]),
        ],
      ]),
      details: new Map([['fp', JSON.stringify({ annotations: { summary: 's' }, url: 'http://x' })]]),
      timeline: new Map([['i1', [JSON.stringify(line)]]]),
    });
    const expected = {
      incident: head,
      members: [
        { ...member, fingerprint: 'fq', startsAt: 3 },
        { ...member, annotations: { summary: 's' }, url: 'http://x' },
      ],
      timeline: [line],
    };
    expect(await bench.store.reader.get('i1')).toEqual(expected);
    expect(await bench.store.reader.get(head.number)).toEqual(expected);
    expect(await bench.store.reader.get('nothing')).toBeNull();
  });

  it('show at most 1,000 members', async () => {
    const members = new Map(Array.from({ length: 2_500 }, (_, i) => [`f${i}@1`, '{"fingerprint":"f","startsAt":1}']));
    await withIncidents(0, [incident('i1')]);
    await commitTo(0, writes({ members: new Map([['i1', members]]) }));
    expect((await bench.store.reader.get('i1'))?.members).toHaveLength(1_000);
  });
});

describe('dead letters', () => {
  it('are listed and sent again, once', async () => {
    const body = JSON.stringify({ v: 1, ...alerts('bad') });
    const entry = await commitTo(1, writes(), body);
    const [letter] = await bench.store.deadLetters.list(10);
    expect(letter).toMatchObject({ partition: 1, entry, error: 'it threw', attempts: 3, body });
    const before = await bench.raw.xlen(bench.key('in', 1));
    const first = await bench.store.deadLetters.redrive(letter?.id ?? '');
    expect(first?.already).toBe(false);
    const both = await Promise.all([1, 2].map(() => bench.store.deadLetters.redrive(letter?.id ?? '')));
    expect(both).toEqual([1, 2].map(() => ({ entry: first?.entry, already: true })));
    expect(await bench.raw.xlen(bench.key('in', 1))).toBe(before + 1);
    const read = await bench.store.partition(1).read(entry, 10, 0);
    expect(read.map((each) => [each.id, JSON.parse(each.body)])).toEqual([
      [first?.entry, { v: 1, ...alerts('bad'), redriveOf: entry }],
    ]);
    expect((await bench.store.deadLetters.list(10))[0]?.redrivenAs).toBe(first?.entry);
  });

  it('that are not JSON are sent again as they are', async () => {
    await commitTo(0, writes(), 'not JSON');
    const [letter] = await bench.store.deadLetters.list(10);
    const again = await bench.store.deadLetters.redrive(letter?.id ?? '');
    const [entry] = await bench.raw.xrange(bench.key('in'), again?.entry ?? '', '+');
    expect(entry?.[1]).toEqual(['q', '2', 'b', 'not JSON']);
  });

  it.each(['', 'p0-1-1', 'p9-1-1', '1-1', 'p0-x', "p0-1-1'"])('%j is unknown', async (id) => {
    expect(await bench.store.deadLetters.redrive(id)).toBeNull();
  });
});

describe('quarantine', () => {
  const item = {
    source: 'am',
    remote: '::1',
    code: 'TOCSIN_BODY_NOT_JSON',
    problem: 'p',
    bytes: 3,
    encoding: 'utf8',
  } as const;

  it('gives back what was put, newest first', async () => {
    await bench.store.quarantine.put({ ...item, body: 'a' });
    await bench.store.quarantine.put({ ...item, body: 'b\u0000𝕊', bytes: 12 });
    const list = await bench.store.quarantine.list(10);
    expect(list.map(({ body }) => body)).toEqual(['b\u0000𝕊', 'a']);
    expect(list[0]).toMatchObject({ ...item, bytes: 12 });
    expect(Math.abs((list[0]?.receivedAt ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('cuts bodies at 64 KiB, between characters', async () => {
    await bench.store.quarantine.put({ ...item, body: `x${'𝕊'.repeat(40_000)}` });
    await bench.store.quarantine.put({
      ...item,
      body: Buffer.alloc(100_000, 1).toString('base64'),
      encoding: 'base64',
    });
    const [binary, utf8] = await bench.store.quarantine.list(2);
    expect(Buffer.byteLength(utf8?.body ?? '')).toBe(65_533);
    expect(utf8?.body).toBe(`x${'𝕊'.repeat(16_383)}`);
    const bytes = Buffer.from(binary?.body ?? '', 'base64');
    expect(bytes.length).toBe(65_535);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
  });

  it('keeps the latest thousand', async () => {
    await Promise.all(Array.from({ length: 1_005 }, (_, i) => bench.store.quarantine.put({ ...item, body: `${i}` })));
    const list = await bench.store.quarantine.list(2_000);
    expect(list).toHaveLength(1_000);
    expect(list[0]?.body).toBe('1004');
  });
});

describe('health', () => {
  it('says where each partition stands', async () => {
    const before = await bench.store.health.check();
    expect(before).toMatchObject({ writable: true, maxMemory: 0 });
    expect(before.partitions[1]).toEqual({
      partition: 1,
      appended: 0,
      committed: 0,
      owner: null,
      fence: 0,
      lastProgressAt: null,
      outboxPending: 0,
      deadLetters: 0,
    });
    await commitTo(
      0,
      {
        ...writes(),
        incidents: new Map([['i1', JSON.stringify(incident('i1'))]]),
        opened: [{ id: 'i1', number: 'n', openedAt: 1 }],
        effects: [effect('e1')],
      },
      'dead',
    );
    await bench.store.appender.append([{ partition: 0, input: alerts('y') }]);
    const { partitions, now, usedMemory } = await bench.store.health.check();
    expect(partitions[0]).toMatchObject({
      appended: 2,
      committed: 1,
      owner: 'a',
      fence: 1,
      outboxPending: 1,
      deadLetters: 1,
    });
    expect(now - (partitions[0]?.lastProgressAt ?? 0)).toBeLessThan(60_000);
    expect(usedMemory).toBeGreaterThan(100_000);
  });

  it('tells of settings that were changed under a strict store', async () => {
    const strict = bench.another({ durability: 'strict' });
    const health = await strict.health.check();
    expect(health.writable).toBe(true);
    expect(health.problem).toMatch(/appendfsync is "everysec"/);
  });

  it('shows a renewal as progress', async () => {
    const lease = await takeLease(bench.store);
    const first = (await bench.store.health.check()).partitions[0]?.lastProgressAt ?? 0;
    while ((await bench.store.partition(0).time()) <= first + 2);
    await bench.store.partition(0).renew(lease, 60_000);
    expect((await bench.store.health.check()).partitions[0]?.lastProgressAt).toBeGreaterThan(first);
  });
});
