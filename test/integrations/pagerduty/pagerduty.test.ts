import { afterEach, describe, expect, it } from '@jest/globals';
import { createPagerDutySink } from '../../../src/integrations/pagerduty/index.js';
import { startFakePagerDuty, type FakePagerDuty, type FakePagerDutyOptions } from '../../kit/fakes/pagerduty.js';
import { sampleContext, sampleNotification, secret } from '../delivery.js';

const KEY = 'R0UT1NGKEY0000000000000000000000';
const open: { stop?(): Promise<void>; close?(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await (each.stop?.() ?? each.close?.());
});

async function start(options: FakePagerDutyOptions = {}): Promise<FakePagerDuty> {
  const fake = await startFakePagerDuty(options);
  open.push(fake);
  return fake;
}

function sinkFor(fake: FakePagerDuty, overrides: Partial<Parameters<typeof createPagerDutySink>[0]> = {}) {
  const sink = createPagerDutySink({
    routingKeys: { default: secret(KEY) },
    server: fake.server,
    ca: fake.ca,
    ...overrides,
  });
  open.push({ close: async () => sink.close?.() });
  return sink;
}

describe('deliver', () => {
  it('sends a trigger and a resolve under one dedup key', async () => {
    const fake = await start();
    const sink = sinkFor(fake);
    const result = await sink.deliver(sampleNotification(), sampleContext());
    expect(result).toEqual({
      ok: true,
      detail: 'PagerDuty answered 202: Event processed',
      ref: { dedup_key: 'tocsin/0123456789abcdef' },
    });
    await sink.deliver(sampleNotification({ action: 'resolve' }), sampleContext());
    expect(fake.journal.entries.map((entry) => entry.event_action)).toEqual(['trigger', 'resolve']);
    expect([...fake.alerts.values()]).toEqual([{ status: 'resolved', triggers: 1, resolves: 1 }]);
  });

  it('takes the key of the role, else the default, else says what to configure', async () => {
    const fake = await start();
    const other = 'E'.repeat(32);
    const sink = sinkFor(fake, { routingKeys: { eng_lead: secret(other) } });
    await sink.deliver(sampleNotification({ role: 'eng_lead' }), sampleContext());
    expect(fake.journal.entries[0]?.routing_key).toBe(other);
    expect(await sink.deliver(sampleNotification(), sampleContext())).toEqual({
      ok: false,
      retry: false,
      reason: 'client',
      detail: 'no PagerDuty routing key for the role engineering and no default: set sinks.pagerduty.routing_keys',
      unknownOutcome: false,
    });
  });

  it.each([
    [200, { ok: true }],
    [202, { ok: true }],
    [301, { ok: false, retry: true, reason: 'server' }],
    [400, { ok: false, retry: false, reason: 'client', unknownOutcome: false }],
    [401, { ok: false, retry: false, reason: 'auth' }],
    [403, { ok: false, retry: false, reason: 'auth' }],
    [404, { ok: false, retry: false, reason: 'client' }],
    [408, { ok: false, retry: true, reason: 'timeout' }],
    [413, { ok: false, retry: false, reason: 'client' }],
    [429, { ok: false, retry: true, reason: 'rate-limited', retryAfterMs: 7000, unknownOutcome: false }],
    [500, { ok: false, retry: true, reason: 'server', unknownOutcome: true }],
    [502, { ok: false, retry: true, reason: 'server' }],
    [503, { ok: false, retry: true, reason: 'server' }],
    [504, { ok: false, retry: true, reason: 'server' }],
  ])('turns status %d with JSON or with a page into %j, in one request', async (status, expected) => {
    for (const body of ['{"status":"x","message":"said so"}', '<html>no JSON</html>']) {
      const fake = await start({
        answer: (_body, response) => {
          response.writeHead(status, { 'retry-after': '7', location: 'https://127.0.0.1:1/' }).end(body);
          return true;
        },
      });
      const result = await sinkFor(fake).deliver(sampleNotification(), sampleContext());
      expect(result).toMatchObject(expected);
      expect(result.detail).toContain(String(status));
      expect(fake.requests()).toBe(1);
    }
  });

  it('does not say the key, even when the receiver does', async () => {
    const fake = await start({
      answer: (body, response) => {
        const { routing_key: key } = JSON.parse(body) as { routing_key: string };
        response.writeHead(400).end(JSON.stringify({ message: 'bad', errors: [`'${key}' is unknown`] }));
        return true;
      },
    });
    const result = await sinkFor(fake).deliver(sampleNotification(), sampleContext());
    expect(JSON.stringify(result)).not.toContain(KEY);
    expect(result.detail).toBe("PagerDuty answered 400: bad ('[redacted]' is unknown)");
  });

  it('knows that nothing was sent when there is no connection', async () => {
    const fake = await start();
    await fake.stop();
    expect(await sinkFor(fake).deliver(sampleNotification(), sampleContext())).toMatchObject({
      ok: false,
      retry: true,
      reason: 'network',
      unknownOutcome: false,
    });
  });

  it('does not trust a certificate that nobody vouches for', async () => {
    const fake = await start();
    const stranger = await start();
    const result = await sinkFor(fake, { ca: stranger.ca }).deliver(sampleNotification(), sampleContext());
    expect(result).toMatchObject({ ok: false, retry: true, reason: 'network', unknownOutcome: false });
    expect(fake.journal.entries).toEqual([]);
  });

  it('says that the outcome is unknown when the reply is dropped, also on a connection that was kept', async () => {
    const fake = await start();
    const sink = sinkFor(fake);
    await sink.deliver(sampleNotification(), sampleContext());
    fake.faults.dropRate = 1;
    expect(await sink.deliver(sampleNotification(), sampleContext())).toMatchObject({
      ok: false,
      retry: true,
      reason: 'network',
      unknownOutcome: true,
    });
    expect(fake.journal.entries).toHaveLength(2);
  });

  it('obeys the signal: a deadline is a timeout, anything else is a cancellation', async () => {
    const fake = await start({ slowRate: 1, slowMs: 60_000 });
    const sink = sinkFor(fake);
    const late = await sink.deliver(sampleNotification(), sampleContext({ signal: AbortSignal.timeout(50) }));
    expect(late).toMatchObject({ ok: false, reason: 'timeout', retry: true });
    const stop = new AbortController();
    const running = sink.deliver(sampleNotification({ effect: 'second' }), sampleContext({ signal: stop.signal }));
    await fake.journal.next((entry) => entry.effect === 'second');
    stop.abort(new Error('stopping'));
    expect(await running).toMatchObject({ ok: false, reason: 'cancelled', retry: true, unknownOutcome: true });
  });

  it('keeps concurrent deliveries apart', async () => {
    const fake = await start({
      answer: (body, response) => {
        const limited = body.includes('"role":"eng_lead"');
        if (limited) response.writeHead(429).end('{}');
        return limited;
      },
    });
    const sink = sinkFor(fake);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        sink.deliver(sampleNotification({ role: index % 2 === 0 ? 'engineering' : 'eng_lead' }), sampleContext()),
      ),
    );
    expect(results.map((result) => result.ok)).toEqual(results.map((_, index) => index % 2 === 0));
  });
});
