import { afterEach, describe, expect, it } from '@jest/globals';
import { createSlackSink } from '../../../src/integrations/slack/index.js';
import { channelId, startFakeSlack, type FakeSlack, type FakeSlackOptions } from '../../kit/fakes/slack.js';
import { sampleContext, sampleNotification, secret } from '../delivery.js';

const TOKEN = 'xoxb-very-secret';
const open: FakeSlack[] = [];

afterEach(async () => {
  for (const fake of open.splice(0)) await fake.stop();
});

async function start(options: FakeSlackOptions = {}): Promise<FakeSlack> {
  const fake = await startFakeSlack({ token: TOKEN, ...options });
  open.push(fake);
  return fake;
}

function sinkFor(fake: FakeSlack, overrides: Partial<Parameters<typeof createSlackSink>[0]> = {}) {
  return createSlackSink({
    token: secret(TOKEN),
    channels: { default: '#incidents' },
    apiUrl: fake.apiUrl,
    ...overrides,
  });
}

const INCIDENTS = channelId('#incidents');

describe('posting', () => {
  it('posts to the channel of the role, else the default, else says what to configure', async () => {
    const fake = await start();
    const sink = sinkFor(fake, { channels: { engineering: '#eng', default: '#incidents' } });
    const result = await sink.deliver(sampleNotification(), sampleContext());
    await sink.deliver(sampleNotification({ role: 'product' }), sampleContext());
    const [first, second] = fake.journal.entries;
    expect([first?.channel_name, second?.channel_name]).toEqual(['eng', 'incidents']);
    expect(result).toEqual({
      ok: true,
      detail: `posted in ${channelId('#eng')}`,
      ref: { channel: channelId('#eng'), ts: first?.ts },
    });
    expect(await sinkFor(fake, { channels: {} }).deliver(sampleNotification(), sampleContext())).toMatchObject({
      ok: false,
      retry: false,
      reason: 'client',
      detail: expect.stringContaining('sinks.slack.channels'),
    });
  });

  it('answers a resolve in the thread of its trigger', async () => {
    const fake = await start();
    const sink = sinkFor(fake);
    const trigger = await sink.deliver(sampleNotification(), sampleContext());
    const ref = trigger.ok ? trigger.ref : undefined;
    const resolve = sampleNotification({ action: 'resolve', status: 'resolved', ...(ref && { triggerRef: ref }) });
    expect(await sink.deliver(resolve, sampleContext())).toMatchObject({ ok: true });
    expect(fake.journal.entries[1]).toMatchObject({ thread_ts: ref?.['ts'], channel_id: INCIDENTS });
  });

  it('posts a resolve on its own when there is no trigger to answer, or its message is gone', async () => {
    const fake = await start();
    const sink = sinkFor(fake);
    const resolve = sampleNotification({ action: 'resolve', status: 'resolved' });
    expect(await sink.deliver(resolve, sampleContext())).toMatchObject({ ok: true });
    const lost = { ...resolve, triggerRef: { channel: INCIDENTS, ts: '1.000001' } };
    expect(await sink.deliver(lost, sampleContext())).toMatchObject({ ok: true });
    expect(fake.journal.entries.map((entry) => entry.thread_ts)).toEqual([undefined, undefined]);
  });
});

describe('failures', () => {
  it.each([
    ['invalid_auth', { retry: false, reason: 'auth' }],
    ['token_revoked', { retry: false, reason: 'auth' }],
    ['missing_scope', { retry: false, reason: 'auth' }],
    ['channel_not_found', { retry: false, reason: 'client' }],
    ['not_in_channel', { retry: false, reason: 'client' }],
    ['is_archived', { retry: false, reason: 'client' }],
    ['msg_blocks_too_long', { retry: false, reason: 'client' }],
    ['ratelimited', { retry: true, reason: 'rate-limited', unknownOutcome: false }],
    ['internal_error', { retry: true, reason: 'server', unknownOutcome: true }],
    ['fatal_error', { retry: true, reason: 'server', unknownOutcome: true }],
    ['service_unavailable', { retry: true, reason: 'server' }],
    ['<html>a proxy speaks</html>', { retry: true, reason: 'server' }],
  ])('turns the error %s into %j, in one request', async (error, expected) => {
    const fake = await start({ errors: { 'chat.postMessage': error } });
    const result = await sinkFor(fake).deliver(sampleNotification(), sampleContext());
    expect(result).toMatchObject({ ok: false, ...expected });
    expect(fake.calls).toHaveLength(1);
    expect(JSON.stringify(result)).not.toContain(TOKEN);
  });

  it.each([
    [400, '{}', { retry: false, reason: 'client' }],
    [401, '{}', { retry: false, reason: 'auth' }],
    [403, '{}', { retry: false, reason: 'auth' }],
    [408, '{}', { retry: true, reason: 'timeout' }],
    [429, '{}', { retry: true, reason: 'rate-limited', retryAfterMs: 7000, unknownOutcome: false }],
    [500, '{}', { retry: true, reason: 'server', unknownOutcome: true }],
    [503, '<html>', { retry: true, reason: 'server' }],
    [200, '<html>', { retry: true, reason: 'server' }],
  ])('turns status %d with %s into %j, in one request', async (status, body, expected) => {
    const fake = await start({
      answer: (_method, _body, response) => {
        response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {}).end(body);
        return true;
      },
    });
    const result = await sinkFor(fake).deliver(sampleNotification(), sampleContext());
    expect(result).toMatchObject({ ok: false, ...expected });
    expect(fake.calls).toHaveLength(1);
  });

  it('does not follow a redirect, which would carry the token elsewhere', async () => {
    const elsewhere = await start();
    const fake = await start({
      answer: (method, _body, response) => {
        response.writeHead(307, { location: `${elsewhere.apiUrl}${method}` }).end();
        return true;
      },
    });
    expect(await sinkFor(fake).deliver(sampleNotification(), sampleContext())).toMatchObject({ ok: false });
    expect(elsewhere.calls).toEqual([]);
  });

  it('treats a 429 without Retry-After as rate limiting too', async () => {
    const fake = await start({
      answer: (_method, _body, response) => {
        response.writeHead(429).end('{}');
        return true;
      },
    });
    const result = await sinkFor(fake).deliver(sampleNotification(), sampleContext());
    expect(result).toMatchObject({ ok: false, retry: true, reason: 'rate-limited' });
    expect(result).not.toHaveProperty('retryAfterMs');
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

  it('obeys the signal: a deadline is a timeout, anything else is a cancellation', async () => {
    const fake = await start({ slowRate: 1, slowMs: 60_000 });
    const sink = sinkFor(fake);
    expect(await sink.deliver(sampleNotification(), sampleContext({ signal: AbortSignal.timeout(50) }))).toMatchObject({
      ok: false,
      reason: 'timeout',
      retry: true,
      unknownOutcome: true,
    });
    const stop = new AbortController();
    const running = sink.deliver(sampleNotification({ effect: 'third' }), sampleContext({ signal: stop.signal }));
    await fake.journal.next((entry) => entry.metadata?.event_payload['effect'] === 'third');
    stop.abort(new Error('stopping'));
    expect(await running).toMatchObject({ ok: false, reason: 'cancelled', retry: true, unknownOutcome: true });
  });
});

describe('a delivery that may repeat', () => {
  const again = sampleContext({ attempt: 2, mayRepeat: true });

  it('finds the message that an unanswered attempt left, and posts nothing', async () => {
    const fake = await start();
    const sink = sinkFor(fake, { channels: { default: INCIDENTS } });
    await sinkFor(fake).deliver(sampleNotification({ effect: 'older' }), sampleContext());
    fake.faults.dropRate = 1;
    const notification = sampleNotification({ openedAt: Date.now() });
    expect(await sink.deliver(notification, sampleContext())).toMatchObject({ ok: false, unknownOutcome: true });
    fake.faults.dropRate = 0;
    const result = await sink.deliver(notification, again);
    const posted = fake.journal.entries[1];
    expect(result).toEqual({
      ok: true,
      detail: 'found the message of an earlier attempt',
      ref: { channel: INCIDENTS, ts: posted?.ts },
    });
    expect(fake.journal.entries).toHaveLength(2);
  });

  it('looks through several pages and in threads', async () => {
    const fake = await start();
    const sink = sinkFor(fake);
    const notification = sampleNotification({ openedAt: Date.now() });
    const trigger = await sink.deliver(notification, sampleContext());
    const ref = trigger.ok && trigger.ref !== undefined ? trigger.ref : {};
    const resolve = sampleNotification({ effect: 'end', action: 'resolve', triggerRef: ref, openedAt: Date.now() });
    await sink.deliver(resolve, sampleContext());
    await Promise.all(
      Array.from({ length: 250 }, (_, index) =>
        sink.deliver(sampleNotification({ effect: `filler${index}` }), sampleContext()),
      ),
    );
    expect(await sink.deliver(notification, again)).toMatchObject({
      detail: 'found the message of an earlier attempt',
    });
    expect(await sink.deliver(resolve, again)).toMatchObject({ detail: 'found the message of an earlier attempt' });
    expect(fake.journal.entries).toHaveLength(252);
  });

  it('posts unmarked when the earlier attempt is not there', async () => {
    const fake = await start();
    const sink = sinkFor(fake);
    await sink.deliver(sampleNotification({ effect: 'other' }), sampleContext());
    expect(await sink.deliver(sampleNotification(), again)).toMatchObject({ ok: true });
    expect(fake.journal.entries[1]?.text).not.toContain('(may repeat)');
  });

  it.each(['missing_scope', 'channel_not_found'])(
    'posts with a visible mark when reading fails with %s',
    async (error) => {
      const fake = await start({ errors: { 'conversations.history': error } });
      expect(await sinkFor(fake).deliver(sampleNotification(), again)).toMatchObject({ ok: true });
      expect(fake.journal.entries[0]?.text).toMatch(/^\(may repeat\) /);
    },
  );

  it('waits for a history that fails for the moment, but not for ever', async () => {
    const fake = await start({ errors: { 'conversations.history': 'internal_error' } });
    const sink = sinkFor(fake);
    expect(await sink.deliver(sampleNotification(), again)).toMatchObject({
      ok: false,
      retry: true,
      unknownOutcome: false,
    });
    expect(fake.journal.entries).toEqual([]);
    expect(await sink.deliver(sampleNotification(), { ...again, attempt: 5 })).toMatchObject({ ok: true });
    expect(fake.journal.entries[0]?.text).toMatch(/^\(may repeat\) /);
  });
});
