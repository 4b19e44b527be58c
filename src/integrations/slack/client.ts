/**
 * Slack's web API through its SDK, one SDK client a delivery: the SDK has no abort signal of a call, so the delivery's
 * signal goes in through `fetch`, and what happened (a status, a connection) comes out the same way.
 */
import { LogLevel, WebClient, type Logger } from '@slack/web-api';
import { METADATA_TYPE, type SlackMessage } from './map.js';

export interface SlackClientOptions {
  readonly apiUrl?: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** What the transport saw of the latest call. */
export interface Trace {
  status?: number;
  retryAfter?: string | null;
  /** The receiver's error code (`channel_not_found`), or a text that is none. */
  code?: string;
  error?: unknown;
}

export interface Posted {
  readonly channel: string;
  readonly ts: string;
}

export type Call<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly trace: Trace };

export interface SlackSession {
  post(message: SlackMessage): Promise<Call<Posted>>;
  /**
   * Our own message about the effect among the latest of the channel or thread; null when it is not there.
   * `complete` is false when there was more to read than we read.
   */
  find(query: FindQuery): Promise<Call<{ readonly found: Posted | null; readonly complete: boolean }>>;
}

export interface FindQuery {
  /** Channel id; names do not work here. */
  readonly channel: string;
  readonly thread?: string;
  readonly effect: string;
  /** Nothing older than this, ms. */
  readonly since: number;
}

const PAGE = 200;
const MAX_PAGES = 5;

/** The SDK logs bodies and warnings by itself; what matters is in the results. */
const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

export function openSlackSession(options: SlackClientOptions): SlackSession {
  let trace: Trace = {};
  const client = new WebClient(options.token, {
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    logger: SILENT,
    ...(options.apiUrl !== undefined && { slackApiUrl: options.apiUrl }),
    fetch: async (url, init) => {
      const response = await fetch(url, { ...init, signal: options.signal }).catch((error: unknown) => {
        // noted here: the SDK's own error keeps the message only
        trace.error = error;
        throw error;
      });
      trace.status = response.status;
      trace.retryAfter = response.headers.get('retry-after');
      return response;
    },
  });

  async function call<T>(act: () => Promise<T>): Promise<Call<T>> {
    trace = {};
    try {
      return { ok: true, value: await act() };
    } catch (error) {
      const code = platformCode(error);
      return { ok: false, trace: { error, ...trace, ...(code !== undefined && { code }) } };
    }
  }

  async function post(message: SlackMessage): Promise<Posted> {
    const answer = await client.apiCall('chat.postMessage', { ...message });
    const { channel, ts } = answer as { channel?: unknown; ts?: unknown };
    return { channel: typeof channel === 'string' ? channel : message.channel, ts: typeof ts === 'string' ? ts : '' };
  }

  async function find(query: FindQuery): Promise<{ found: Posted | null; complete: boolean }> {
    const method = query.thread === undefined ? 'conversations.history' : 'conversations.replies';
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await client.apiCall(method, {
        channel: query.channel,
        include_all_metadata: true,
        limit: PAGE,
        oldest: String(Math.floor(query.since / 1000)),
        ...(query.thread !== undefined && { ts: query.thread }),
        ...(cursor !== undefined && { cursor }),
      });
      const found = findOwn((answer as { messages?: unknown }).messages, query.effect);
      if (found !== undefined) return { found: { channel: query.channel, ts: found }, complete: true };
      cursor = answer.response_metadata?.next_cursor;
      if (cursor === undefined || cursor === '') return { found: null, complete: true };
    }
    return { found: null, complete: false };
  }

  return { post: (message) => call(() => post(message)), find: (query) => call(() => find(query)) };
}

interface SeenMessage {
  readonly ts?: unknown;
  readonly metadata?: { readonly event_type?: unknown; readonly event_payload?: { readonly effect?: unknown } };
}

function findOwn(messages: unknown, effect: string): string | undefined {
  if (!Array.isArray(messages)) return undefined;
  const own = (messages as SeenMessage[]).find(
    ({ metadata }) => metadata?.event_type === METADATA_TYPE && metadata.event_payload?.effect === effect,
  );
  return typeof own?.ts === 'string' ? own.ts : undefined;
}

function platformCode(error: unknown): string | undefined {
  const code = (error as { data?: { error?: unknown } } | null)?.data?.error;
  return typeof code === 'string' ? code : undefined;
}
