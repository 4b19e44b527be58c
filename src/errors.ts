/**
 * The one table of errors: stable code, HTTP status, and what the person reading it can do.
 * docs/errors.md is checked against it by a test.
 */

export const ERRORS = {
  TOCSIN_UNAUTHENTICATED: { status: 401, title: 'Missing or wrong credentials' },
  TOCSIN_NOT_FOUND: { status: 404, title: 'Not found' },
  TOCSIN_UNKNOWN_SOURCE: { status: 404, title: 'No source of this name is configured' },
  TOCSIN_METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  TOCSIN_REQUEST_TIMEOUT: { status: 408, title: 'The request did not arrive in time' },
  TOCSIN_BODY_TOO_LARGE: { status: 413, title: 'The body is larger than allowed' },
  TOCSIN_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The content type is not application/json' },
  TOCSIN_BODY_NOT_JSON: { status: 400, title: 'The body is not JSON' },
  TOCSIN_BODY_TOO_DEEP: { status: 400, title: 'The body is nested too deeply' },
  TOCSIN_BODY_FORBIDDEN_KEY: { status: 400, title: 'The body has a forbidden key' },
  TOCSIN_BODY_INVALID: { status: 422, title: 'The body is JSON of the wrong shape' },
  TOCSIN_BAD_REQUEST: { status: 400, title: 'The request is malformed' },
  TOCSIN_HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large' },
  TOCSIN_BAD_QUERY: { status: 400, title: 'A query parameter is wrong' },
  TOCSIN_OVERLOADED: { status: 503, title: 'Too much work in hand; send again later' },
  TOCSIN_STORE_UNAVAILABLE: { status: 503, title: 'Redis cannot store this now; send again later' },
  TOCSIN_SHUTTING_DOWN: { status: 503, title: 'This replica is stopping; send again' },
  TOCSIN_RELOAD_REFUSED: { status: 409, title: 'Nothing was reloaded; the rules in use stay in use' },
  TOCSIN_INTERNAL: { status: 500, title: 'Internal error' },
  // not answered over HTTP: configuration and start-up
  TOCSIN_CONFIG_INVALID: { status: 500, title: 'The configuration is invalid' },
  TOCSIN_RULES_INVALID: { status: 500, title: 'The correlation rules are invalid' },
  TOCSIN_REDIS_UNSAFE: { status: 500, title: 'Redis is not set up to keep what it accepts' },
  TOCSIN_REDIS_MISSING: { status: 500, title: 'No Redis or Valkey server program was found' },
  TOCSIN_STORE_NEWER: { status: 500, title: 'The store was written by a newer version' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** An expected error with a stable code. `detail` says what is wrong here, where, and what to do. */
export class TocsinError extends Error {
  readonly code: ErrorCode;
  readonly status: number;

  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'TocsinError';
    this.code = code;
    this.status = ERRORS[code].status;
  }
}

/** Redis refused, is gone, or did not answer in time: for a write, the outcome is unknown. */
export class StoreError extends TocsinError {
  constructor(detail: string, options?: ErrorOptions) {
    super('TOCSIN_STORE_UNAVAILABLE', detail, options);
    this.name = 'StoreError';
  }
}
