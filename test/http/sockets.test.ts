/** What only a real socket shows: slow and lying senders, huge bodies. */
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';

import { type Bench, createBench, webhook } from './kit.js';

let bench: Bench;
let port: number;
const sockets: Socket[] = [];

async function listen(yaml: string): Promise<void> {
  bench = createBench({ yaml });
  await bench.app.listen({ host: '127.0.0.1', port: 0 });
  port = (bench.app.server.address() as AddressInfo).port;
}

afterEach(async () => {
  sockets.splice(0).forEach((socket) => socket.destroy());
  await bench.app.close();
});

/** Sends the text and collects what comes back until the server closes. */
async function exchange(text: string, more?: (socket: Socket) => void): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  await once(socket, 'connect');
  // not events.once: a reset is an expected end here
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(text);
  more?.(socket);
  await closed;
  return received;
}

function head(headers: readonly string[], path = '/webhooks/alertmanager'): string {
  return ['POST ' + path + ' HTTP/1.1', 'Host: tocsin', 'Content-Type: application/json', ...headers, '', ''].join(
    '\r\n',
  );
}

const IMPATIENT = 'http: {limits: {request_timeout: 1s, headers_timeout: 1s}}';

describe('slow senders', () => {
  it('cuts a body that does not arrive in time with 408', async () => {
    await listen(IMPATIENT);
    const answer = await exchange(`${head(['Content-Length: 1000'])}{"alerts"`);
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('"code":"TOCSIN_REQUEST_TIMEOUT"');
    expect(bench.drafts).toEqual([]);
  });

  it('cuts headers that do not end with 408', async () => {
    await listen(IMPATIENT);
    expect(await exchange('POST /events HTTP/1.1\r\nHost: tocsin\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('cuts a chunked body that trickles', async () => {
    await listen(IMPATIENT);
    let trickle: NodeJS.Timeout | undefined;
    const answer = await exchange(head(['Transfer-Encoding: chunked']), (socket) => {
      trickle = setInterval(() => socket.write('1\r\n \r\n'), 50);
    });
    clearInterval(trickle);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('lying and broken senders', () => {
  it('takes what follows a body as the next request, and refuses it', async () => {
    await listen('');
    const body = JSON.stringify(webhook());
    const answer = await exchange(`${head([`Content-Length: ${body.length - 10}`])}${body}`);
    expect(answer).toMatch(/HTTP\/1\.1 400 /);
    expect(bench.drafts).toEqual([]);
  });

  it('refuses a content-length together with chunks', async () => {
    await listen('');
    const answer = await exchange(`${head(['Content-Length: 5', 'Transfer-Encoding: chunked'])}0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"TOCSIN_BAD_REQUEST"');
  });

  it('refuses headers that are too large', async () => {
    await listen('');
    expect(await exchange(head([`X-Large: ${'x'.repeat(20_000)}`]))).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('survives a sender that hangs up in the middle of the body', async () => {
    await listen('');
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    const arrived = once(bench.app.server, 'request');
    socket.write(`${head(['Content-Length: 1000'])}{"alerts"`);
    await arrived;
    socket.destroy();
    await once(socket, 'close');
    const answer = await fetch(`http://127.0.0.1:${port}/webhooks/alertmanager`, json(webhook()));
    expect(answer.status).toBe(202);
    expect(bench.drafts).toHaveLength(1);
  });
});

describe('large bodies', () => {
  it('answers 413 to a body that declares too much', async () => {
    await listen('http: {limits: {body: 64KiB}}');
    const answer = await fetch(`http://127.0.0.1:${port}/webhooks/alertmanager`, json('x'.repeat(200_000)));
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'TOCSIN_BODY_TOO_LARGE' });
  });

  it('stops an endless chunked body without keeping it', async () => {
    await listen('http: {limits: {body: 64KiB}}');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let sent = 0;
    const answer = await exchange(head(['Transfer-Encoding: chunked']), (socket) => {
      const write = () => {
        while (!socket.destroyed && socket.write(chunk)) sent += 1;
        sent += 1;
      };
      socket.on('drain', write);
      write();
    });
    expect(sent).toBeLessThan(10_000);
    expect(answer === '' || answer.startsWith('HTTP/1.1 413 ')).toBe(true);
    expect(bench.quarantined).toMatchObject([{ code: 'TOCSIN_BODY_TOO_LARGE' }]);
    expect(bench.quarantined[0]?.body.length).toBe(64 * 1024);
  });

  it('refuses 100,000 levels sent for real', async () => {
    await listen('');
    const levels = 100_000;
    const body = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    const answer = await fetch(`http://127.0.0.1:${port}/webhooks/alertmanager`, json(body));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'TOCSIN_BODY_TOO_DEEP' });
  });
});

function json(body: unknown): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}
