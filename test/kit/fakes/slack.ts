/**
 * A Slack that keeps what it accepted: chat.postMessage and chat.update, conversations.history and conversations.replies
 * with metadata, over http. Like the real one it takes a channel by name or id when posting, and only by id when reading.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerActed, answerJson, completeFaults, drawFault, readBody, type Fault, type Faults } from './faults.js';
import { Journal } from './journal.js';

export interface SlackEntry {
  readonly kind: 'slack';
  readonly method: 'chat.postMessage' | 'chat.update';
  readonly at: number;
  /** As the sender named it: a name or an id. */
  readonly channel: string;
  /** Name without `#` when it is known, else as sent. */
  readonly channel_name: string;
  readonly channel_id: string;
  readonly ts: string;
  readonly thread_ts?: string;
  readonly text: string;
  readonly metadata?: { readonly event_type: string; readonly event_payload: Readonly<Record<string, string>> };
}

export interface FakeSlackOptions extends Partial<Faults> {
  readonly port?: number;
  readonly journal?: string;
  /** The accepted token; any when absent. */
  readonly token?: string;
  /** Error codes that methods answer with, e.g. `{'conversations.history': 'missing_scope'}`; may be changed while it runs. */
  readonly errors?: Record<string, string>;
  /** Answers instead of everything else, for the tests of single status codes. */
  readonly answer?: (method: string, body: URLSearchParams, response: ServerResponse) => boolean;
}

export interface FakeSlack {
  readonly port: number;
  /** `http://127.0.0.1:port/api/` */
  readonly apiUrl: string;
  readonly journal: Journal<SlackEntry>;
  readonly faults: Faults;
  readonly errors: Record<string, string>;
  /** All calls, refused ones too, in order. */
  readonly calls: { readonly method: string; readonly body: URLSearchParams }[];
  stop(): Promise<void>;
}

/** The id that the fake gives to a channel name. */
export function channelId(name: string): string {
  return `C${createHash('sha256').update(name.replace(/^#/, '')).digest('hex').slice(0, 10).toUpperCase()}`;
}

export async function startFakeSlack(options: FakeSlackOptions = {}): Promise<FakeSlack> {
  const faults = completeFaults(options);
  const errors = { ...options.errors };
  const journal = new Journal<SlackEntry>(options.journal);
  const names = new Map(journal.entries.map((entry) => [entry.channel_id, entry.channel_name]));
  const calls: FakeSlack['calls'] = [];
  let lastTs = Math.max(0, ...journal.entries.map((entry) => Math.round(Number(entry.ts) * 1_000_000)));

  function nextTs(): string {
    lastTs = Math.max(lastTs + 1, Date.now() * 1_000);
    return `${Math.floor(lastTs / 1_000_000)}.${String(lastTs % 1_000_000).padStart(6, '0')}`;
  }

  function write(method: SlackEntry['method'], body: URLSearchParams): object {
    const channel = body.get('channel') ?? '';
    if (!/^#?[a-z0-9_-]{1,80}$/.test(channel) && !names.has(channel)) return { ok: false, error: 'channel_not_found' };
    const id = names.has(channel) ? channel : channelId(channel);
    const name = names.get(id) ?? channel.replace(/^#/, '');
    names.set(id, name);
    const thread = body.get('thread_ts');
    if (thread !== null && !journal.entries.some((entry) => entry.channel_id === id && entry.ts === thread)) {
      return { ok: false, error: 'thread_not_found' };
    }
    const updated = body.get('ts');
    if (method === 'chat.update' && !journal.entries.some((entry) => entry.ts === updated)) {
      return { ok: false, error: 'message_not_found' };
    }
    const text = body.get('text') ?? '';
    if (text === '' && !body.has('attachments') && !body.has('blocks')) return { ok: false, error: 'no_text' };
    const metadata = body.get('metadata');
    const ts = method === 'chat.update' ? String(updated) : nextTs();
    journal.add({
      kind: 'slack',
      method,
      at: Date.now(),
      channel,
      channel_name: name,
      channel_id: id,
      ts,
      text,
      ...(thread !== null && { thread_ts: thread }),
      ...(metadata !== null && { metadata: JSON.parse(metadata) as NonNullable<SlackEntry['metadata']> }),
    });
    return { ok: true, channel: id, ts, message: { type: 'message', text, ts } };
  }

  function read(body: URLSearchParams, thread: string | undefined): object {
    const id = body.get('channel') ?? '';
    if (!names.has(id)) return { ok: false, error: 'channel_not_found' };
    const oldest = Number(body.get('oldest') ?? 0);
    const limit = Number(body.get('limit') ?? 100);
    const from = Number(body.get('cursor') ?? 0);
    const withMetadata = ['true', '1'].includes(body.get('include_all_metadata') ?? '');
    const all = journal.entries.filter(
      (entry) =>
        entry.method === 'chat.postMessage' &&
        entry.channel_id === id &&
        Number(entry.ts) > oldest &&
        (thread === undefined ? entry.thread_ts === undefined : entry.thread_ts === thread || entry.ts === thread),
    );
    const ordered = thread === undefined ? all.toReversed() : all;
    const messages = ordered.slice(from, from + limit).map(({ ts, text, metadata }) => ({
      type: 'message',
      ts,
      text,
      ...(withMetadata && metadata !== undefined && { metadata }),
    }));
    const more = from + limit < ordered.length;
    return { ok: true, messages, has_more: more, response_metadata: { next_cursor: more ? String(from + limit) : '' } };
  }

  function act(method: string, body: URLSearchParams): object {
    if (method === 'chat.postMessage' || method === 'chat.update') return write(method, body);
    if (method === 'conversations.history') return read(body, undefined);
    if (method === 'conversations.replies') return read(body, body.get('ts') ?? '');
    if (method === 'auth.test') return { ok: true };
    return { ok: false, error: 'unknown_method' };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = new URLSearchParams(await readBody(request));
    const method = (request.url ?? '').replace(/^\/api\//, '');
    calls.push({ method, body });
    if (options.answer?.(method, body, response) === true) return;
    const fault: Fault = drawFault(faults);
    if (fault === 'fail') return answerJson(response, 500, { ok: false, error: 'internal_error' });
    if (fault === 'limit')
      return answerJson(response, 429, { ok: false, error: 'ratelimited' }, { 'retry-after': '1' });
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (token === undefined) return answerJson(response, 200, { ok: false, error: 'not_authed' });
    if (options.token !== undefined && token !== options.token) {
      return answerJson(response, 200, { ok: false, error: 'invalid_auth' });
    }
    const error = errors[method];
    const answer = error === undefined ? act(method, body) : { ok: false, error };
    answerActed(response, fault, faults, () => answerJson(response, 200, answer));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    apiUrl: `http://127.0.0.1:${port}/api/`,
    journal,
    faults,
    errors,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
