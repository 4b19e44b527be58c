/** A wrong method on an address that exists is 405 with Allow, not 404. */
import type { FastifyInstance, HTTPMethods } from 'fastify';

import { TocsinError } from '../errors.js';
import { sendProblem } from './problem.js';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Answers every method but `allowed` at `url`. GET brings HEAD along. */
export function guardMethods(app: FastifyInstance, url: string, allowed: 'GET' | 'POST'): void {
  const allow = allowed === 'GET' ? 'GET, HEAD' : 'POST';
  app.route({
    method: METHODS.filter((method) => !allow.split(', ').includes(method)),
    url,
    // before the body: nobody waits for what is thrown away
    onRequest: (request, reply, done) => {
      void reply.header('allow', allow);
      const detail = `${request.method} is not possible at this address, use ${allow}`;
      sendProblem(reply, new TocsinError('TOCSIN_METHOD_NOT_ALLOWED', detail));
      // answered: done is not called
      void done;
    },
    handler: (_request, reply) => reply,
  });
}
