/** Builds the HTTP server with all its doors. It does not listen: `listen({host, port})` and `close()` are the caller's. */
import { randomBytes } from 'node:crypto';
import Fastify, { type FastifyInstance, LogController } from 'fastify';

import { ERRORS } from '../errors.js';
import { registerApi } from './api.js';
import type { HttpDeps } from './deps.js';
import { registerHealth } from './health.js';
import { registerIntake } from './intake.js';
import { answerClientError, installProblems, sendProblem, translate } from './problem.js';

export type { DaemonStatus, HealthSnapshot, HttpDeps } from './deps.js';

const KEEP_ALIVE_MS = 75_000;
const REQUESTS_A_CONNECTION = 100_000;
const LONGEST_NAME = 256;

export function buildServer(deps: HttpDeps): FastifyInstance {
  const { limits } = deps.config.http;
  const logger = deps.logger.child({ component: 'http' });
  const prefix = randomBytes(4).toString('hex');
  let requests = 0;
  const app = Fastify({
    loggerInstance: logger,
    // counted in the metrics instead
    logController: new LogController({ disableRequestLogging: true }),
    // no child logger for each request: what is logged names the request itself
    childLoggerFactory: (parent) => parent,
    genReqId: () => `${prefix}-${(requests += 1).toString(36)}`,
    trustProxy: false,
    bodyLimit: limits.body,
    requestTimeout: limits.request_timeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxRequestsPerSocket: REQUESTS_A_CONNECTION,
    http: {
      headersTimeout: Math.min(limits.headers_timeout, limits.request_timeout),
      connectionsCheckingInterval: Math.min(1_000, limits.headers_timeout, limits.request_timeout),
    },
    routerOptions: { maxParamLength: LONGEST_NAME },
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      const code = answerClientError(error, socket);
      if (code !== undefined) deps.metrics.requests.inc({ source: 'none', code: String(ERRORS[code].status) });
    },
    frameworkErrors: (error, request, reply) => {
      sendProblem(reply, translate(error, request, logger));
    },
  }) as unknown as FastifyInstance;
  app.server.maxConnections = limits.connections;
  installProblems(app, logger);
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.header('x-content-type-options', 'nosniff');
    // a stopping replica hands its connections to the others
    if (deps.stopping()) void reply.header('connection', 'close');
    done();
  });
  if (deps.intake) void app.register((scope, _options, done) => (registerIntake(scope, deps), done()));
  void app.register((scope, _options, done) => (registerApi(scope, deps), done()));
  void app.register((scope, _options, done) => (registerHealth(scope, deps), done()));
  return app;
}
