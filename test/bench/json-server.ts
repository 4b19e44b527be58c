/**
 * The yardstick of the intake: the same fastify with one route that only parses the JSON and answers 202. With `--raw`, a
 * bare TCP server that does not even parse: the ceiling of the load generator itself. Says its port over IPC.
 */
import { createServer, type AddressInfo } from 'node:net';
import fastify from 'fastify';

async function serveJson(): Promise<number> {
  const app = fastify({ logger: false, bodyLimit: 1024 * 1024, requestTimeout: 10_000 });
  app.post('/webhooks/alertmanager', (request, reply) => {
    const alerts = (request.body as { readonly alerts?: readonly unknown[] }).alerts?.length ?? 0;
    return reply.code(202).send({ accepted: alerts });
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
}

const ANSWER = Buffer.from('HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n');

function serveRaw(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    let missing = 0;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      if (missing === 0) {
        const headEnd = chunk.indexOf('\r\n\r\n');
        const length = /Content-Length: (\d+)/.exec(chunk.toString('latin1', 0, headEnd))?.[1];
        missing = headEnd + 4 + Number(length ?? 0);
      }
      missing -= chunk.length;
      if (missing === 0) socket.write(ANSWER);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

process.on('disconnect', () => process.exit(0));
process.send?.({ port: await (process.argv.includes('--raw') ? serveRaw() : serveJson()) });
