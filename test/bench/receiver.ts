/**
 * Where the pages arrive, its own process: an https server that answers as PagerDuty's Events API v2 does (which also suits
 * Alertmanager's webhook) and writes down when each alert first arrived. `--cert F --key F`; says its port over IPC; answers
 * `collect` with what arrived since the last `collect`.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';

export interface Arrivals {
  /** Number in the service name -> first arrival, hrtime in ms. */
  readonly atMs: readonly (readonly [number, number])[];
  readonly requests: number;
  /** Further arrivals of a number that was there already. */
  readonly repeats: number;
  /** New TLS connections: each costs both sides a handshake. */
  readonly connections: number;
}

const { values } = parseArgs({ options: { cert: { type: 'string' }, key: { type: 'string' } } });
let atMs = new Map<number, number>();
let requests = 0;
let repeats = 0;
let connections = 0;

const server = createServer(
  { cert: readFileSync(values.cert ?? ''), key: readFileSync(values.key ?? ''), keepAliveTimeout: 120_000 },
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const now = Number(process.hrtime.bigint()) / 1e6;
      const body = Buffer.concat(chunks).toString('latin1');
      requests += 1;
      for (const number of new Set(Array.from(body.matchAll(/[a-z]+-(\d+)-svc/g), (match) => Number(match[1])))) {
        if (atMs.has(number)) repeats += 1;
        else atMs.set(number, now);
      }
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end('{"status":"success","message":"Event processed","dedup_key":"bench"}');
    });
  },
);
server.on('secureConnection', () => (connections += 1));
process.on('message', () => {
  const arrivals: Arrivals = { atMs: [...atMs], requests, repeats, connections };
  atMs = new Map();
  [requests, repeats, connections] = [0, 0, 0];
  process.send?.(arrivals);
});
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
