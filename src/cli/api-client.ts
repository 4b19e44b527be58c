/** Talks to a running daemon over its API, for the commands that show and steer. */
import { TocsinError } from '../errors.js';

export interface ApiOptions {
  /** Base address, e.g. `http://127.0.0.1:9911`. */
  readonly url: string;
  readonly token?: string;
}

const TIMEOUT_MS = 10_000;

/** GETs a path and returns its JSON. Throws TocsinError with what the daemon said, or that it cannot be reached. */
export async function apiGet<T>(options: ApiOptions, path: string): Promise<T> {
  return (await call(options, 'GET', path)) as T;
}

export async function apiPost<T>(options: ApiOptions, path: string): Promise<T> {
  return (await call(options, 'POST', path)) as T;
}

async function call(options: ApiOptions, method: string, path: string): Promise<unknown> {
  const address = new URL(path, options.url);
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
    throw new TocsinError(
      'TOCSIN_STORE_UNAVAILABLE',
      `no daemon answers at ${address.origin}: ${cause.message}. Start one with "tocsin serve", or name it with --url or TOCSIN_URL`,
    );
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new TocsinError(
      'TOCSIN_INTERNAL',
      `${address.href} answered ${response.status} with something that is not JSON`,
    );
  }
  if (!response.ok) {
    const problem = body as { detail?: string; title?: string };
    throw new TocsinError(
      response.status === 401
        ? 'TOCSIN_UNAUTHENTICATED'
        : response.status === 404
          ? 'TOCSIN_NOT_FOUND'
          : 'TOCSIN_INTERNAL',
      `${problem.detail ?? problem.title ?? text} (HTTP ${response.status})`,
    );
  }
  return body;
}
