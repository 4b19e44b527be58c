/**
 * Clients of Redis. None of them keeps commands for later or sends them twice: while there is no connection a call fails
 * (at once, or after waiting a little for the connection), and a write whose answer was lost is an unknown outcome, which
 * the caller must find out about by reading.
 */
import { Redis } from 'ioredis';
import { StoreError, TocsinError } from '../errors.js';

/** A blocking read is never longer than this, so that a silent connection is noticed soon after. */
export const LONGEST_BLOCK_MS = 5_000;

/** How fast a lost connection is tried again: soon at first, then once a second. */
function retryDelay(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt - 1, 6), 1_000);
}

/** Where and as whom to connect: options of ioredis. */
export interface RedisAddress {
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tls?: { readonly servername: string };
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
}

/**
 * ioredis options for `redis://user:password@host:port/db`, `rediss://…` (TLS), `unix:///path?db=N` (with credentials:
 * `unix://user:password@localhost/path`) or the bare path of a unix socket. Throws TOCSIN_CONFIG_INVALID for anything else.
 */
export function connectionOptions(url: string): RedisAddress {
  if (url.startsWith('/')) return { path: url };
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrongUrl();
  }
  const db = parsed.protocol === 'unix:' ? (parsed.searchParams.get('db') ?? '0') : parsed.pathname.slice(1) || '0';
  if (!/^\d+$/.test(db)) throw wrongUrl();
  const common = {
    ...(parsed.username === '' ? {} : { username: decodeURIComponent(parsed.username) }),
    ...(parsed.password === '' ? {} : { password: decodeURIComponent(parsed.password) }),
    db: Number(db),
  };
  if (parsed.protocol === 'unix:') return { ...common, path: decodeURIComponent(parsed.pathname) };
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') throw wrongUrl();
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw wrongUrl();
  const tcp = { ...common, host, port: parsed.port === '' ? 6379 : Number(parsed.port) };
  return parsed.protocol === 'rediss:' ? { ...tcp, tls: { servername: host } } : tcp;
}

function wrongUrl(): TocsinError {
  // Without the text itself: it may hold a password.
  return new TocsinError(
    'TOCSIN_CONFIG_INVALID',
    'redis.url is not an address of Redis: write redis://host:port/db, rediss://host:port/db, unix:///path, unix://user:password@localhost/path or a socket path',
  );
}

/** Where a URL points, without credentials: for messages. */
export function describeTarget(url: string): string {
  const options = connectionOptions(url);
  return options.path ?? `${options.host}:${options.port}`;
}

interface ConnectionSettings {
  readonly url: string;
  /** Shown in CLIENT LIST. */
  readonly name: string;
  /** A command that takes longer fails with an unknown outcome; ms. */
  readonly commandTimeoutMs: number;
  /** How long a call waits for a connection that is not there; 0: fails at once. Ms. */
  readonly waitMs: number;
}

/** One connection, whose failures are StoreErrors that say what was tried, where, and what is wrong. */
export class Connection {
  readonly redis: Redis;
  readonly #target: string;
  readonly #waitMs: number;
  readonly #closing = new AbortController();
  #lastError: Error | undefined;

  constructor(settings: ConnectionSettings) {
    this.#target = describeTarget(settings.url);
    this.#waitMs = settings.waitMs;
    this.redis = new Redis({
      ...connectionOptions(settings.url),
      connectionName: settings.name,
      // RESP2: the same shapes of replies on Redis 6.2 and on Valkey.
      protocol: 2,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // 0, not null: only this rejects what was in flight when the connection closes; it would stay pending for ever.
      maxRetriesPerRequest: 0,
      retryStrategy: retryDelay,
      connectTimeout: 5_000,
      // How long close() lets a server that does not answer keep the socket.
      disconnectTimeout: 200,
      ...(settings.commandTimeoutMs === Infinity
        ? { socketTimeout: 2 * LONGEST_BLOCK_MS }
        : { commandTimeout: settings.commandTimeoutMs, socketTimeout: 2 * settings.commandTimeoutMs }),
      // After a failover the address may lead to the new master.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
    this.redis.on('error', (error: Error) => {
      this.#lastError = error;
    });
    this.redis.on('ready', () => {
      this.#lastError = undefined;
    });
  }

  /** Runs one call. `what` completes "cannot …". Rejects with StoreError. */
  async run<T>(what: string, act: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      if (this.redis.status !== 'ready' && this.#waitMs > 0) await this.ready(this.#waitMs);
      return await act(this.redis);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw this.#failure(what, error as Error);
    }
  }

  /** Resolves when commands can be sent. Rejects with StoreError after `ms`, or when closed. */
  ready(ms: number): Promise<void> {
    const { redis } = this;
    if (this.#closing.signal.aborted) return Promise.reject(this.#failure('connect', new Error('the store is closed')));
    if (redis.status === 'ready') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (problem?: Error): void => {
        clearTimeout(timer);
        redis.off('ready', onReady);
        this.#closing.signal.removeEventListener('abort', onClose);
        if (problem === undefined) resolve();
        else reject(this.#failure('connect', problem));
      };
      const onReady = (): void => settle();
      // Not the event `end`: ioredis does not emit it when it is closed between two attempts to connect.
      const onClose = (): void => settle(new Error('the store is closed'));
      const timer = setTimeout(() => settle(this.#lastError ?? new Error(`no connection within ${ms} ms`)), ms);
      redis.on('ready', onReady);
      this.#closing.signal.addEventListener('abort', onClose);
    });
  }

  close(): void {
    this.#closing.abort();
    this.redis.disconnect();
  }

  #failure(what: string, cause: Error): StoreError {
    return new StoreError(`cannot ${what}: Redis at ${this.#target} ${explain(cause, this.#lastError)}`, { cause });
  }
}

/** What a failure means for the person who runs Redis. */
function explain(error: Error, lastError: Error | undefined): string {
  const message = error.message;
  if (message.includes('OOM ')) return 'is out of memory (maxmemory reached): give it more, or lower retention.log';
  if (message.includes('READONLY ')) return 'is a read-only replica: point redis.url at the master';
  if (message.includes('MISCONF ')) return `cannot persist to its disk: ${message}`;
  if (message.includes('LOADING ')) return 'is still loading its data';
  if (message.includes('NOAUTH ') || message.includes('WRONGPASS ')) return `refused the credentials: ${message}`;
  if (message.includes('Command timed out')) return 'did not answer in time; whether it was done is not known';
  if (message.includes("Stream isn't writeable") || message.includes('max retries per request')) {
    return `is not connected${lastError === undefined ? '' : ` (${lastError.message || lastError.name})`}`;
  }
  return `failed: ${message || error.name}`;
}

/** For the intake: fails at once while there is no connection. */
export function connectIntake(url: string, commandTimeoutMs: number): Connection {
  return new Connection({ url, name: 'tocsin-intake', commandTimeoutMs, waitMs: 0 });
}

/** For owners, workers and readers: waits up to the command's timeout for a connection. */
export function connectGeneral(url: string, commandTimeoutMs: number): Connection {
  return new Connection({ url, name: 'tocsin', commandTimeoutMs, waitMs: commandTimeoutMs });
}

/** For XREAD BLOCK of one partition: one blocked read would hold up everything behind it on a shared connection. */
export function connectBlocking(url: string, waitMs: number): Connection {
  return new Connection({ url, name: 'tocsin-reader', commandTimeoutMs: Infinity, waitMs });
}
