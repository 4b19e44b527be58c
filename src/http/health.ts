/** The doors for probes and scrapers: /healthz, /readyz, /metrics. Open, because they tell nothing about alerts. */
import type { FastifyInstance } from 'fastify';

import type { HttpDeps } from './deps.js';
import { guardMethods } from './method-guard.js';
import { type Check, createProgressWatch } from './readiness.js';

const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const WATCH_INTERVAL_MS = 500;

export function registerHealth(app: FastifyInstance, deps: HttpDeps): void {
  const watch = createProgressWatch(deps.config.engine.lease_ttl);
  const timer = setInterval(() => watch.note(deps.health()), WATCH_INTERVAL_MS).unref();
  app.addHook('onClose', () => clearInterval(timer));

  app.get('/healthz', (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok\n'));
  guardMethods(app, '/healthz', 'GET');

  app.get('/readyz', (request, reply) => {
    watch.note(deps.health());
    const checks = watch.checks(deps.clock.now());
    if (deps.stopping()) checks.unshift({ name: 'running', ok: false, detail: 'stopping' });
    const ready = checks.every((check) => check.ok);
    void reply.code(ready ? 200 : 503).header('cache-control', 'no-store');
    if ('verbose' in (request.query as object)) {
      return reply.type('text/plain; charset=utf-8').send(lines(checks, ready));
    }
    return reply.send({ ready, checks });
  });
  guardMethods(app, '/readyz', 'GET');

  app.get('/metrics', async (_request, reply) => reply.type(METRICS_CONTENT_TYPE).send(await deps.metricsText()));
  guardMethods(app, '/metrics', 'GET');
}

function lines(checks: readonly Check[], ready: boolean): string {
  const each = checks.map(({ name, ok, detail }) => `[${ok ? '+' : '-'}]${name} ${detail}`);
  return `${[...each, ready ? 'readyz check passed' : 'readyz check failed'].join('\n')}\n`;
}
