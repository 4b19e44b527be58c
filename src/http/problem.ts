/** Every error answer of the doors: application/problem+json (RFC 9457) with the stable code of src/errors.ts. */
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { type ErrorCode, ERRORS, TocsinError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';
/** Seconds after which a sender that reads Retry-After comes back. */
export const RETRY_AFTER_SECONDS = 5;

export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  /** Where in the body: `alerts[3].labels.foo`. */
  readonly path?: string;
  /** Id of the request, which is in the log as well. */
  readonly instance: string;
}

/** A body that cannot be used, with the place of the fault in it. */
export class BodyFault extends TocsinError {
  constructor(
    code: ErrorCode,
    detail: string,
    readonly path?: string,
  ) {
    super(code, detail);
    this.name = 'BodyFault';
  }
}

/** Sends the error as a problem. A handler that returns the reply is done with it. */
export function sendProblem(reply: FastifyReply, error: TocsinError): FastifyReply {
  const path = error instanceof BodyFault ? error.path : undefined;
  const problem: Problem = {
    type: 'about:blank',
    title: ERRORS[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(path === undefined || path === '' ? {} : { path }),
    instance: reply.request.id,
  };
  if (error.status === 503) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  return reply.code(error.status).type(PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
}

/** Answers everything that throws or is not there as a problem. */
export function installProblems(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: FastifyError | TocsinError, request, reply) =>
    sendProblem(reply, translate(error, request, logger)),
  );
  app.setNotFoundHandler((request, reply) => sendProblem(reply, notFound(request)));
}

export function notFound(request: FastifyRequest): TocsinError {
  return new TocsinError(
    'TOCSIN_NOT_FOUND',
    `there is nothing at ${request.method} ${request.url.slice(0, 200)}; docs/api.md lists the addresses`,
  );
}

/** What fastify itself refuses, in our words; everything unknown is an internal error whose details stay in the log. */
export function translate(error: FastifyError | TocsinError, request: FastifyRequest, logger: Logger): TocsinError {
  if (error instanceof TocsinError) {
    if (error.status >= 500 && error.status !== 503)
      logger.error({ requestId: request.id, err: error }, 'request failed');
    return error;
  }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new TocsinError('TOCSIN_BODY_TOO_LARGE', error.message);
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new TocsinError('TOCSIN_UNSUPPORTED_MEDIA_TYPE', 'send the body with content-type: application/json');
  }
  const { statusCode } = error;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new TocsinError('TOCSIN_BAD_REQUEST', error.message);
  }
  logger.error({ requestId: request.id, err: error }, 'request failed');
  return new TocsinError(
    'TOCSIN_INTERNAL',
    `the request failed here; the log has the reason under requestId ${request.id}`,
  );
}

const STATUS_LINES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/**
 * Answers what never became a request: broken HTTP, headers that are too large, a request that did not arrive in time.
 * The connection is closed afterwards, because nobody knows where the next request would begin.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): ErrorCode | undefined {
  if (error.code === 'ECONNRESET' || socket.destroyed) return undefined;
  const [code, detail]: [ErrorCode, string] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [
          'TOCSIN_REQUEST_TIMEOUT',
          'the headers or the body did not arrive in time; send them faster or raise http.limits.request_timeout',
        ]
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['TOCSIN_HEADERS_TOO_LARGE', 'the headers are larger than 16 KiB']
        : ['TOCSIN_BAD_REQUEST', 'this is not a valid HTTP request'];
  const { status, title } = ERRORS[code];
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code });
  if (socket.writable) {
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_LINES[status]}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
  return code;
}
