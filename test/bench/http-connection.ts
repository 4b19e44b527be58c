/**
 * One keep-alive HTTP/1.1 connection on a raw socket with one request in flight: requests are prebuilt buffers and only the
 * status and the length of the answer are read, so that the load generator costs little beside the servers it measures.
 */
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  /** From Retry-After, 0 when absent. */
  readonly retryAfterMs: number;
}

export interface Connection {
  /** Sends the request; the callback gets the answer, or undefined when the connection broke. */
  send(request: Buffer, done: (answer: Answer | undefined) => void): void;
  close(): void;
}

/** The whole request, headers included, as one buffer. */
export function buildRequest(
  path: string,
  host: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const bytes = Buffer.from(body);
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Content-Type: application/json',
    `Content-Length: ${bytes.length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}

/** Length of the first whole answer in `text` (latin1), or undefined when it is not complete. Answers are not chunked here. */
function wholeAnswer(text: string): { readonly answer: Answer; readonly length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const contentLength = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (contentLength === undefined && status !== 204 && /\r\ntransfer-encoding:/i.test(head)) {
    const end = text.indexOf('\r\n0\r\n\r\n', headEnd);
    return end < 0 ? undefined : { answer: answerOf(status, head), length: end + 7 };
  }
  const length = headEnd + 4 + Number(contentLength ?? 0);
  return text.length < length ? undefined : { answer: answerOf(status, head), length };
}

function answerOf(status: number, head: string): Answer {
  const seconds = status === 503 ? /\r\nretry-after: *(\d+)/i.exec(head)?.[1] : undefined;
  return { status, retryAfterMs: Number(seconds ?? 0) * 1000 };
}

/** Opens a connection; resolves when it is established. */
export function openConnection(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let pending: ((answer: Answer | undefined) => void) | undefined;
    let received = '';
    function settle(answer: Answer | undefined): void {
      const done = pending;
      pending = undefined;
      done?.(answer);
    }
    socket.once('error', reject);
    socket.on('close', () => settle(undefined));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const whole = wholeAnswer(received);
      if (whole === undefined) return;
      received = received.slice(whole.length);
      settle(whole.answer);
    });
    socket.once('connect', () => {
      socket.on('error', () => undefined); // 'close' follows and reports it
      resolve({
        send(request, done) {
          if (socket.destroyed) return done(undefined);
          pending = done;
          socket.write(request);
        },
        close: () => socket.destroy(),
      });
    });
  });
}
