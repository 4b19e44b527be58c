/**
 * One exchange with PagerDuty through its SDK.
 *
 * The SDK resolves on every status, retries a 429 itself after a sleep of 20 s that nothing can end, and rejects when an
 * error page is not JSON. Our queue does the retries, so this client looks at the answer below the SDK, in the agent:
 * it notes the status, and it aborts the request on 429 before the SDK sees it and goes to sleep.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { event } from '@pagerduty/pdjs';
import type { PagerDutyEvent } from './map.js';

declare module 'node:http' {
  interface Agent {
    /** Called by ClientRequest for each request; every custom agent of the ecosystem builds on it. */
    addRequest(request: ClientRequest, options: unknown): void;
  }
}

/** What is known of one exchange, whatever the SDK makes of it. */
export interface Exchange {
  status?: number;
  retryAfter?: string;
  /** The receiver's own words, from a JSON body. */
  body?: unknown;
  /** The request may have left: the connection was there. */
  connected: boolean;
  error?: Error;
}

export interface PagerDutyClient {
  /** Never rejects. */
  send(body: PagerDutyEvent, signal: AbortSignal): Promise<Exchange>;
  close(): void;
}

export interface PagerDutyClientOptions {
  /** `host:port` instead of PagerDuty's own. */
  readonly server?: string;
  /** PEM of the authority that signed the server's certificate, instead of the system's. */
  readonly ca?: string;
}

interface Watch {
  readonly exchange: Exchange;
  readonly controller: AbortController;
}

const RATE_LIMITED = 429;
const IDLE_CONNECTION_MS = 4_000;

export function createPagerDutyClient(options: PagerDutyClientOptions): PagerDutyClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 64,
    timeout: IDLE_CONNECTION_MS,
    ...(options.ca !== undefined && { ca: options.ca }),
  });
  return {
    send: (body, signal) =>
      exchangeOn(agent, signal, (watched, combined) => post(body, combined, watched, options.server)),
    close: () => agent.destroy(),
  };
}

async function post(body: PagerDutyEvent, signal: AbortSignal, agent: Agent, server?: string): Promise<unknown> {
  // `agent` is an option of the SDK's fetch on Node that its types, made for browsers, do not know
  const transport: Record<string, unknown> = { agent, redirect: 'manual' };
  const answer = await event({
    data: body,
    requestTimeout: 0,
    signal,
    ...(server !== undefined && { server }),
    ...transport,
  });
  return answer.data;
}

/** One call, on the shared connections: the agent that it is given knows whose requests it carries. */
async function exchangeOn(
  agent: Agent,
  signal: AbortSignal,
  send: (watched: Agent, combined: AbortSignal) => Promise<unknown>,
): Promise<Exchange> {
  const watch: Watch = { exchange: { connected: false }, controller: new AbortController() };
  const { exchange, controller } = watch;
  // not AsyncLocalStorage: that makes every promise of the process dearer
  const watched = Object.create(agent) as Agent;
  watched.addRequest = (request, options) => {
    observe(request, watch);
    agent.addRequest(request, options);
  };
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    exchange.body = await send(watched, controller.signal);
  } catch (error) {
    exchange.error = error instanceof Error ? error : new Error(String(error));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return exchange;
}

function observe(request: ClientRequest, { exchange, controller }: Watch): void {
  request.once('socket', (socket) => {
    if (!socket.connecting && (socket as TLSSocket).encrypted && request.reusedSocket) exchange.connected = true;
    else socket.once('secureConnect', () => (exchange.connected = true));
  });
  // registered before the SDK's own listener, so that it runs first
  request.once('response', (response: IncomingMessage) => {
    exchange.status = response.statusCode ?? 0;
    const retryAfter = response.headers['retry-after'];
    if (retryAfter !== undefined) exchange.retryAfter = retryAfter;
    if (response.statusCode === RATE_LIMITED) controller.abort();
  });
}
