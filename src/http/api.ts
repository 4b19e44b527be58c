/** The door for people and their tools: /api/v1. Reads the store's documents as they are; the only command is a re-drive. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { TocsinError } from '../errors.js';
import { bearerVerifier } from './credentials.js';
import type { HttpDeps } from './deps.js';
import { guardMethods } from './method-guard.js';

const limit = z.coerce.number().int().min(1).max(1_000).default(100);
const incidentQuery = z.strictObject({ status: z.enum(['open', 'resolved', 'merged']).optional(), limit });
const listQuery = z.strictObject({ limit });
const noQuery = z.strictObject({});

export function registerApi(app: FastifyInstance, deps: HttpDeps): void {
  const { tokens } = deps.config.api;
  const verifier = tokens.length === 0 ? undefined : bearerVerifier(tokens);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('cache-control', 'no-store');
    if (verifier !== undefined && !verifier.accepts(request.headers.authorization)) {
      void reply.header('www-authenticate', verifier.challenge);
      throw new TocsinError(
        'TOCSIN_UNAUTHENTICATED',
        'the API asks for a bearer token (api.tokens), and this is missing or wrong',
      );
    }
    done();
  });

  app.get('/api/v1/incidents', async (request) => {
    const query = queryOf(request, incidentQuery);
    const { status } = query;
    return { items: await deps.incidents.list({ limit: query.limit, ...(status === undefined ? {} : { status }) }) };
  });

  app.get('/api/v1/incidents/:id', async (request) => {
    queryOf(request, noQuery);
    const { id } = request.params as { id: string };
    const found = await deps.incidents.get(id);
    if (found === null) throw new TocsinError('TOCSIN_NOT_FOUND', `there is no incident ${id.slice(0, 64)}`);
    return found;
  });

  app.get('/api/v1/quarantine', async (request) => ({
    items: await deps.quarantine.list(queryOf(request, listQuery).limit),
  }));

  app.get('/api/v1/dead-letters', async (request) => ({
    items: await deps.deadLetters.list(queryOf(request, listQuery).limit),
  }));

  app.post('/api/v1/dead-letters/:id/redrive', async (request) => {
    queryOf(request, noQuery);
    const { id } = request.params as { id: string };
    const outcome = await deps.deadLetters.redrive(id);
    if (outcome === null) throw new TocsinError('TOCSIN_NOT_FOUND', `there is no dead letter ${id.slice(0, 64)}`);
    return outcome;
  });

  app.post('/-/reload', async (request, reply) => {
    queryOf(request, noQuery);
    const problems = await deps.reload();
    if (problems.length > 0) throw new TocsinError('TOCSIN_RELOAD_REFUSED', problems.join('\n'));
    return reply.send({ reloaded: true });
  });

  app.get('/api/v1/status', (request, reply) => {
    queryOf(request, noQuery);
    return reply.send(statusOf(deps));
  });

  for (const path of ['incidents', 'incidents/:id', 'quarantine', 'dead-letters', 'status']) {
    guardMethods(app, `/api/v1/${path}`, 'GET');
  }
  guardMethods(app, '/api/v1/dead-letters/:id/redrive', 'POST');
  guardMethods(app, '/-/reload', 'POST');
}

function statusOf(deps: HttpDeps) {
  const { config } = deps;
  const snapshot = deps.health();
  const sources = Object.entries(config.sources).map(([name, { type, auth }]) => ({
    name,
    type,
    authenticated: auth !== undefined && auth !== 'none',
  }));
  return {
    ...deps.status(),
    stopping: deps.stopping(),
    durability: config.redis.durability,
    store: snapshot === undefined ? null : { lookedAt: snapshot.at, ...snapshot.store },
    sources,
    unauthenticatedSources: sources.filter((source) => !source.authenticated).map((source) => source.name),
    apiUnauthenticated: config.api.tokens.length === 0,
  };
}

function queryOf<T>(request: FastifyRequest, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = issue?.path.join('.') ?? '';
  throw new TocsinError(
    'TOCSIN_BAD_QUERY',
    `query parameter ${name}: ${issue?.message ?? 'is wrong'}`.replace('parameter :', 'parameters:'),
  );
}
